import type { FlagSpec } from "../config/argv.ts";
import { quote } from "../config/problem.ts";
import { didYouMean, suggest } from "../config/suggest.ts";
import { systemSources } from "../config/system-sources.ts";
import { MAX_DEVICE_NUMBER } from "../v4l2/device-ids.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";
import { type ArgumentsSpec, parseToolArguments, type ToolArguments } from "./tools/arguments.ts";
import { addDevice, type Change, changeLoopback } from "./tools/devices/change.ts";
import { lookAtDevices } from "./tools/devices/look.ts";
import { renderDevices } from "./tools/devices/render.ts";
import { printable } from "./tools/table.ts";
import { usageError } from "./usage-error.ts";

interface Subcommand {
  readonly spec: ArgumentsSpec;
  run(given: ToolArguments, terminal: Terminal): Promise<number>;
}

const switchNamed = (flag: string): FlagSpec => ({ flag, isSwitch: true, expected: "nothing" });
const numberFlag: FlagSpec = {
  flag: "number",
  isSwitch: false,
  expected: `a whole number from 0 to ${MAX_DEVICE_NUMBER}`,
};

const ADD_FLAGS: readonly FlagSpec[] = [
  numberFlag,
  { flag: "label", isSwitch: false, expected: "a card label" },
];

const subcommands: Readonly<Record<string, Subcommand>> = {
  list: { spec: { positionals: [], flags: [switchNamed("json")] }, run: list },
  add: {
    spec: { positionals: [], flags: ADD_FLAGS },
    run: add,
  },
  remove: changing("remove"),
  reset: changing("reset"),
  repair: changing("repair"),
};

export const devicesCommand: Command = {
  syntax: {
    flags: [...ADD_FLAGS, switchNamed("json"), switchNamed("force")],
    options: "all",
    words: Object.keys(subcommands),
    devices: true,
  },
  help: () => `Usage: ${PROGRAM} devices [list] [--json]
       ${PROGRAM} devices add [--number N] [--label LABEL] [options of run]
       ${PROGRAM} devices remove|reset|repair DEVICE [--force]

Works on any v4l2loopback device, whoever made it, with the plugin running or not. DEVICE is 10, video10 or a
path. A device that a pod has or a program has open is left alone, with the names of both, and so is one if
that can't be known. What the running plugin offers is reset and repaired by that plugin, and not removed.

  list     All video devices: label, driver, what they do, who has them. Opens none.
  add      Adds a device (v4l2loopback 0.13 and later), by default with the first free number from
           FIRST_DEVICE_NUMBER on and the label, mode, group and kind that the options of run give.
  remove   Removes one (0.13 and later).
  reset    Takes away all that its last user left: by making it anew, or in place before 0.13.
  repair   Mends one that offers neither capture nor output, as v4l2loopback 0.12 leaves it after a
           program that only wrote to it.

Options:
  --json      The list as a JSON array.
  --number N  Of the device to add.
  --label L   Of the device to add.
  --force     Do it although a pod has the device, nobody knows, or the plugin makes it anew. The kernel
              still keeps one that is open.
  --help      Show this text.

All options of "${PROGRAM} run" and their variables are taken, for instance ADMIN_SOCKET, where the running
plugin is asked, and POD_RESOURCES_SOCKET, where the kubelet is.
`,

  async run(argv, terminal) {
    const [first, ...rest] = argv;
    const named = first !== undefined && !first.startsWith("-");
    const name = named ? first : "list";
    const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    if (subcommand === undefined) {
      const meant = didYouMean(suggest(name.toLowerCase(), Object.keys(subcommands)));
      const text = `unknown command of devices${meant}`;
      return usageError([{ subject: quote(name), text }], "devices --help", terminal);
    }
    const parsed = parseToolArguments(systemSources(named ? rest : argv), subcommand.spec);
    if (!parsed.ok) return usageError(parsed.problems, "devices --help", terminal);
    return subcommand.run(parsed.arguments, terminal);
  },
};

async function list({ flags, config }: ToolArguments, terminal: Terminal): Promise<number> {
  const { devices, podsUnknown } = await lookAtDevices(config);
  if (flags.get("json") === "true") {
    terminal.out(`${JSON.stringify(devices, undefined, 2)}\n`);
  } else if (devices.length === 0) {
    terminal.out(`There is no video device. "${PROGRAM} doctor" tells why.\n`);
  } else {
    terminal.out(renderDevices(devices));
  }
  if (podsUnknown !== "") {
    terminal.err(`Which pods have devices is not known: ${printable(podsUnknown)}.\n`);
  }
  return exitCode.ok;
}

async function add({ flags, config }: ToolArguments, terminal: Terminal): Promise<number> {
  const text = flags.get("number");
  if (text !== undefined && !(/^\d{1,3}$/.test(text) && Number(text) <= MAX_DEVICE_NUMBER)) {
    const problem = {
      subject: "--number",
      text: `got ${quote(text)}, expected ${numberFlag.expected}`,
    };
    return usageError([problem], "devices --help", terminal);
  }
  const label = flags.get("label") ?? config.v4l2CardLabel;
  const number = text === undefined ? undefined : Number(text);
  await addDevice(number, { ...config, v4l2CardLabel: label }, terminal);
  return exitCode.ok;
}

function changing(change: Change): Subcommand {
  return {
    spec: { positionals: ["DEVICE"], flags: [switchNamed("force")] },
    async run({ positionals, flags, config }, terminal) {
      const force = flags.get("force") === "true";
      await changeLoopback(change, positionals[0] ?? "", force, config, terminal);
      return exitCode.ok;
    },
  };
}
