import { messageOf } from "../common/plugin-error.ts";
import { loadConfig, type Sources } from "../config/load-config.ts";
import { optionKeys, options } from "../config/options.ts";
import { isPoolKey } from "../config/pools/fields.ts";
import type { FilePool } from "../config/pools/file-pool.ts";
import { renderPools } from "../config/pools/render-pools.ts";
import { formatProblems, quote } from "../config/problem.ts";
import { didYouMean, suggest } from "../config/suggest.ts";
import { systemSources } from "../config/system-sources.ts";
import { deviceId } from "../v4l2/device-ids.ts";
import { type Command, exitCode, program } from "./command.ts";
import { renderCommandHelp } from "./command-help.ts";
import { runWith } from "./define-command.ts";
import type { Terminal } from "./terminal.ts";
import { usageError } from "./usage-error.ts";

const subcommands: Readonly<
  Record<string, (argv: readonly string[], terminal: Terminal) => Promise<number>>
> = {
  check: (argv, terminal) =>
    runWith(
      argv,
      "config --help",
      {
        positionals: ["FILE"],
        run: async ({ positionals: [file = ""] }) => {
          if (file !== "") return checkFile(file, terminal);
          return usageError([{ subject: "FILE", text: "is empty" }], "config --help", terminal);
        },
      },
      terminal,
    ),
  print: async (argv, terminal) => show(systemSources(argv), renderPools, terminal),
};

const spec = { options: "all" } as const;

const configHelp = `${program} config --help`;

export const configCommand: Command = {
  syntax: { ...spec, words: Object.keys(subcommands) },
  help: (columns) =>
    renderCommandHelp(
      {
        usage: ["config check FILE", "config print [options of run]"],
        about: `Works on the config file, which run reads with --config, and needs no node.

  check    Reads the file as run would. Lists its pools, or all mistakes with
           line and column and exit code 78. A variable that belongs to a pool is
           a mistake to run, and not here.
  print    Prints the pools as a file, with all defaults filled in: those of
           --config, or the one that the options describe. That file then
           replaces these options.`,
        exitCodes: ["the file or the options are right"],
        examples: [
          `${program} config print > pools.yaml`,
          `${program} config check pools.yaml`,
          `${program} run --config pools.yaml`,
        ],
      },
      spec,
      columns,
    ),

  async run(argv, terminal) {
    const [name = "", ...rest] = argv;
    const run = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    if (run !== undefined) return run(rest, terminal);
    if (name === "") {
      const missing = { subject: "COMMAND", text: "is missing, expected check or print" };
      return usageError([missing], "config --help", terminal);
    }
    const meant = didYouMean(suggest(name.toLowerCase(), Object.keys(subcommands)));
    const text = `unknown command of config, expected check or print${meant}`;
    return usageError([{ subject: quote(name), text }], "config --help", terminal);
  },
};

function checkFile(file: string, terminal: Terminal): number {
  const sources = systemSources([`--config=${file}`]);
  const shared = optionKeys.filter((key) => !isPoolKey(key) && key !== "configFile");
  const env = Object.fromEntries(
    shared.map((key) => [options[key].env, sources.env[options[key].env]] as const),
  );
  const lines = (pools: readonly FilePool[]) => pools.map((one) => `${describe(one)}\n`).join("");
  let text: string;
  try {
    text = sources.readFile(file);
  } catch (error) {
    const problem = `can't be read, expected a config file; ${messageOf(error)}`;
    terminal.err(formatProblems([{ subject: file, text: problem }], configHelp));
    return exitCode.config;
  }
  // Once: it may be a pipe.
  const readFile = (path: string) => (path === file ? text : sources.readFile(path));
  return show({ ...sources, env, readFile }, lines, terminal);
}

function show(
  sources: Sources,
  render: (pools: readonly FilePool[]) => string,
  terminal: Terminal,
): number {
  const loaded = loadConfig(sources);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, configHelp));
    return exitCode.config;
  }
  terminal.out(render(loaded.allPools));
  return exitCode.ok;
}

/** `bots: example.com/cameras, 8 loopback devices, video10 to video17, on all nodes`. */
function describe({ pool, onNodes }: FilePool): string {
  const nodes = onNodes.length === 0 ? "all nodes" : onNodes.join(", ");
  return `${pool.name}: ${pool.options.resourceName}, ${devicesOf(pool)}, on ${nodes}`;
}

function devicesOf(pool: FilePool["pool"]): string {
  if (pool.kind === "devices") return "real devices";
  const { maxDevices, firstDeviceNumber, readyCameras } = pool.options;
  const kind = readyCameras ? "ready camera" : "loopback device";
  if (maxDevices === 1) return `1 ${kind}, ${deviceId(firstDeviceNumber)}`;
  const last = deviceId(firstDeviceNumber + maxDevices - 1);
  return `${maxDevices} ${kind}s, ${deviceId(firstDeviceNumber)} to ${last}`;
}
