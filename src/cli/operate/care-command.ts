import type { FlagSpec } from "../../config/argv.ts";
import { type Command, PROGRAM } from "../command.ts";
import { changeDevices } from "./change-devices.ts";
import { OPERATE_OPTIONS, type Operation, operate } from "./operation.ts";

const flags: readonly FlagSpec[] = [
  {
    flag: "force",
    isSwitch: true,
    expected: "nothing",
    description: "Also if a pod has the device",
  },
];

/** What one way of caring for devices differs in from another. */
export interface Care {
  /** `reset` */
  readonly name: string;
  /** What happens to devices: `were` and this. */
  readonly past: string;
  /** Wrapped text for the help, ending with a full stop. */
  readonly about: string;
  /** What a device is afterwards, as said of one: `video10` and this. */
  readonly outcome: string;
  call(
    client: Operation["client"],
    request: { readonly deviceId: string; readonly force: boolean },
  ): ReturnType<Operation["client"]["resetDevice" | "repairDevice"]>;
}

/** A command that has the running plugin care for devices, one after the other. */
export function careCommand({ name, past, about, outcome, call }: Care): Command {
  return {
    syntax: { flags, options: OPERATE_OPTIONS, devices: true },
    help: () => `Usage: ${PROGRAM} ${name} DEVICE... [--force]

${about}

DEVICE is 10, video10 or a path. Exit code 0 means that all were ${past}, 1 that one was not, 2 that
no plugin answers.

Options:
  --force               Also if a pod has it. One that a program has open is never touched.
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Examples:
  ${PROGRAM} ${name} video10
  ${PROGRAM} ${name} 10 11 12 --force
`,

    run: (argv, terminal) =>
      operate(name, { positionals: ["DEVICE..."], flags }, argv, terminal, (operation) => {
        const force = operation.flags.get("force") === "true";
        return changeDevices(
          operation,
          (deviceId) => call(operation.client, { deviceId, force }),
          outcome,
        );
      }),
  };
}
