import { envFileOption, groupedOptions, type Option } from "./options.ts";
import { wrap } from "./wrap.ts";

const WIDTH = 96;
const INDENT = "  ";
const TEXT_INDENT = "      ";
/** Where a variable's name and default stand, beside the flag if the line has room for them. */
const DEFAULT_COLUMN = 38;

/** `run --help`: usage, every option under its heading, precedence, examples. Ends with a line break. */
export function renderHelp(): string {
  const sections = [...groupedOptions()].map(([heading, rows]) =>
    [`${heading}:`, ...rows.flatMap(renderOption)].join("\n"),
  );
  const envFile = entry(
    `--${envFileOption.flag} ${envFileOption.placeholder}`,
    "",
    envFileOption.description,
  );
  const help = entry("-h, --help", "", "Shows this text.");
  return `${[INTRODUCTION, ...sections, ["Other:", ...envFile, ...help].join("\n"), CLOSING].join("\n\n")}\n`;
}

const INTRODUCTION = `Usage: video-device-plugin [run] [options]

Makes the node's video devices, registers them with the kubelet and looks after them until it is
stopped. SIGTERM stops it and leaves the devices as they are; SIGHUP has every device inspected.`;

const CLOSING = `Each value is taken from the command line, else from the environment, else from the env-file, else
it is the default. A variable that is empty counts as not set. Wrong input is reported all at once,
before anything is touched, with exit code 78.

Examples:
  video-device-plugin                                          run with the defaults
  video-device-plugin --max-devices 4 --log-level debug        four devices, every detail
  video-device-plugin run --env-file /etc/video-devices.env    settings from a file
  video-device-plugin --driver simulated --no-enable-metrics   without a kernel module`;

function renderOption(option: Option<unknown>): string[] {
  const { flag, env, type, description } = option;
  const synopsis = type.isSwitch ? `--[no-]${flag}` : `--${flag} ${placeholder(option)}`;
  const allowed = type.isSwitch
    ? ""
    : ` ${type.expected[0]?.toUpperCase()}${type.expected.slice(1)}.`;
  return entry(synopsis, `[${env}, default ${defaultInWords(option)}]`, description + allowed);
}

/** The words of a choice stand in the text anyway. */
function placeholder({ type }: Option<unknown>): string {
  return type.placeholder.includes("|") ? "WORD" : type.placeholder;
}

/** The default for people: what it is, or what an empty one means. */
export function defaultInWords(option: Option<unknown>): string {
  if (option.defaultFrom === "hostname") return "the host's name";
  return option.default === "" ? "empty" : option.default;
}

function entry(synopsis: string, variable: string, text: string): string[] {
  const start = INDENT + synopsis;
  const oneLine = `${start.padEnd(DEFAULT_COLUMN - 1)} ${variable}`.trimEnd();
  const head = oneLine.length <= WIDTH ? [oneLine] : [start, TEXT_INDENT + variable];
  const body = wrap(text, WIDTH - TEXT_INDENT.length).map((line) => TEXT_INDENT + line);
  return [...head, ...body];
}
