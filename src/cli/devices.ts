import type { Config } from "../config/config.ts";
import { quote } from "../config/problem.ts";
import { didYouMean, suggest } from "../config/suggest.ts";
import { integer } from "../config/types/number.ts";
import { accept } from "../config/types/option-type.ts";
import { maxDeviceNumber } from "../v4l2/device-ids.ts";
import { type ArgumentsSpec, flagsOf, type OwnFlags, switchFlag } from "./arguments.ts";
import { type Command, exitCode, program } from "./command.ts";
import { renderCommandHelp } from "./command-help.ts";
import { type CommandSpec, runWith } from "./define-command.ts";
import { addDevice, type Change, changeDevice } from "./devices/change-device.ts";
import { listDevices, renderLists } from "./devices/list-devices.ts";
import type { Terminal } from "./terminal.ts";
import { printable } from "./tools/table.ts";
import { usageError } from "./usage-error.ts";

const json = switchFlag("The list as a JSON array.");
const force = switchFlag(
  "Changes the device although a pod owns it, its use is unknown, or the plugin recreates it. The kernel still keeps a device that is open.",
);
const number = {
  type: integer(0, maxDeviceNumber),
  description: "Number of the device to add.",
};
const label = {
  type: { expected: "a card label", placeholder: "LABEL", parse: accept<string> },
  description: "Label of the device to add.",
};

const subcommands: Readonly<
  Record<string, (argv: readonly string[], terminal: Terminal) => Promise<number>>
> = {
  list: subcommand({
    flags: { json },
    async run({ flags, config, pools }, terminal) {
      const list = await listDevices(config, undefined, pools);
      const { devices, podsUnknown } = list;
      if (flags.json === true) {
        terminal.out(`${JSON.stringify(devices, undefined, 2)}\n`);
      } else if (devices.length === 0) {
        terminal.out(`There is no video device. ${whyNone(config)}\n`);
      } else {
        terminal.out(renderLists(list, terminal.screen?.columns()));
      }
      if (podsUnknown !== "") {
        terminal.err(`The devices of pods are unknown: ${printable(podsUnknown)}.\n`);
      }
      return exitCode.ok;
    },
  }),
  add: subcommand({
    flags: { number, label },
    async run({ flags, config }, terminal) {
      const v4l2CardLabel = flags.label ?? config.v4l2CardLabel;
      await addDevice(flags.number, { ...config, v4l2CardLabel }, terminal);
      return exitCode.ok;
    },
  }),
  remove: changing("remove"),
  reset: changing("reset"),
  repair: changing("repair"),
};

const spec = {
  flags: { json, number, label, force },
  options: "all",
} satisfies ArgumentsSpec<OwnFlags>;

export const devicesCommand: Command = {
  syntax: { ...spec, flags: flagsOf(spec.flags), words: Object.keys(subcommands), devices: true },
  help: (columns) =>
    renderCommandHelp(
      {
        usage: [
          "devices [list] [--json]",
          "devices add [--number N] [--label LABEL] [options]",
          "devices remove|reset|repair DEVICE [--force]",
        ],
        about: `Works on any v4l2loopback device, with the plugin running or not. DEVICE is 10, video10 or a path. The command
rejects a device that a pod owns or a program holds open, and names both. It also rejects a device whose use is unknown.
The running plugin resets and repairs its own devices, and they are not removed.

  list     Lists all video devices: label, driver, state, and who uses them. Those
           with hardware behind them follow in a second table, a row for each
           with all of its nodes, what it is, and a name that stays when it is
           plugged in elsewhere or gets other numbers. Root learns what it is
           by opening it in a process that may hang, if no program has it
           open. A kind with a question mark is a guess. Loopback devices are
           not opened. With a config file that has pools of real devices, it
           says which pool has each one, or why none has.
  add      Adds a device (v4l2loopback 0.13 or later). Its number is by default
           the first free one from FIRST_DEVICE_NUMBER; the options of run give
           its label, mode, group and size.
  remove   Removes a device (0.13 or later).
  reset    Removes all that the last user left: by recreating the device, or in
           place before 0.13.
  repair   Repairs a device that offers neither capture nor output. v4l2loopback
           0.12 leaves it like that after a program that only wrote to it.

The running plugin is asked at ADMIN_SOCKET, and the kubelet at POD_RESOURCES_SOCKET.`,
      },
      spec,
      columns,
    ),

  async run(argv, terminal) {
    const [first, ...rest] = argv;
    const named = first !== undefined && !first.startsWith("-");
    const name = named ? first : "list";
    const run = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    if (run !== undefined) return run(named ? rest : argv, terminal);
    const meant = didYouMean(suggest(name.toLowerCase(), Object.keys(subcommands)));
    const text = `unknown command of devices${meant}`;
    return usageError([{ subject: quote(name), text }], "devices --help", terminal);
  },
};

/** The simulated driver needs none, so doctor finds nothing wrong then. */
function whyNone({ driver, simulatedDir }: Config): string {
  if (driver !== "simulated") return `"${program} doctor" shows why.`;
  return `Those of the simulated driver are files in ${simulatedDir}: "${program} status" shows them.`;
}

function subcommand<F extends OwnFlags>(own: ArgumentsSpec<F> & Pick<CommandSpec<F>, "run">) {
  return (argv: readonly string[], terminal: Terminal) =>
    runWith(argv, "devices --help", { ...own, options: "all" }, terminal);
}

function changing(change: Change) {
  return subcommand({
    positionals: ["DEVICE"],
    flags: { force },
    async run({ positionals: [name = ""], flags, config }, terminal) {
      await changeDevice(change, name, flags.force ?? false, config, terminal);
      return exitCode.ok;
    },
  });
}
