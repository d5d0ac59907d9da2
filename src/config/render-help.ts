import { envFileOption, groupedOptions, type Option } from "./options.ts";
import { wrap } from "./wrap.ts";

const indent = "  ";
const textIndent = "      ";
/** Column of a variable's name and default, if the line has room for them beside the flag. */
const defaultColumn = 38;

/**
 * `run --help`, wrapped at `columns`: usage, every option under its heading, precedence, examples. Ends with a line break.
 */
export function renderHelp(columns = 80): string {
  const sections = [...groupedOptions()].map(([heading, rows]) =>
    [`${heading}:`, ...rows.flatMap((option) => renderOption(option, columns))].join("\n"),
  );
  const envFile = entry(
    `--${envFileOption.flag} ${envFileOption.type.placeholder}`,
    "",
    envFileOption.description,
    columns,
  );
  const help = entry("-h, --help", "", "Shows this text.", columns);
  return `${[
    "Usage: video-device-plugin [run] [options]",
    wrap(introduction, columns).join("\n"),
    ...sections,
    ["Other:", ...envFile, ...help].join("\n"),
    wrap(precedence, columns).join("\n"),
    examples,
  ].join("\n\n")}\n`;
}

const introduction =
  "Creates the node's video devices, registers them with the kubelet, and keeps them healthy until it is stopped. SIGTERM stops it and leaves the devices as they are; SIGHUP has it inspect every device and check the config file.";

const precedence =
  "Each value comes from the command line, else from the environment, else from the env-file, else it is the default. An empty variable counts as not set. All mistakes are reported at once, before anything changes, with exit code 78.";

const examples = `Examples:
  # with the defaults
  video-device-plugin
  # four devices, every detail in the log
  video-device-plugin --max-devices 4 --log-level debug
  # settings from a file
  video-device-plugin run --env-file /etc/video-devices.env
  # without a kernel module
  video-device-plugin --driver simulated`;

function renderOption(option: Option<unknown>, columns: number): string[] {
  const { flag, env, type, description } = option;
  const synopsis = type.isSwitch ? `--[no-]${flag}` : `--${flag} ${placeholder(option)}`;
  const allowed = type.isSwitch
    ? ""
    : ` ${type.expected[0]?.toUpperCase()}${type.expected.slice(1)}.`;
  return entry(
    synopsis,
    `[${env}, default ${defaultInWords(option)}]`,
    description + allowed,
    columns,
  );
}

/** The text names the words of a choice anyway. */
function placeholder({ type }: Option<unknown>): string {
  return type.placeholder.includes("|") ? "WORD" : type.placeholder;
}

/** The default in words: the value, or what an empty one means. */
export function defaultInWords(option: Option<unknown>): string {
  if (option.defaultFrom === "hostname") return "the host's name";
  return option.default === "" ? "empty" : option.default;
}

function entry(synopsis: string, variable: string, text: string, columns: number): string[] {
  const start = indent + synopsis;
  const oneLine = `${start.padEnd(defaultColumn - 1)} ${variable}`.trimEnd();
  const indented = (long: string) =>
    wrap(long, columns - textIndent.length).map((line) => textIndent + line);
  return [
    ...(oneLine.length <= columns ? [oneLine] : [start, ...indented(variable)]),
    ...indented(text),
  ];
}
