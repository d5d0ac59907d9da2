import type { PluginError } from "../../common/plugin-error.ts";
import type { Config } from "../../config/config.ts";
import type { Given, OwnFlags } from "../arguments.ts";
import { type Command, exitCode, program } from "../command.ts";
import { type CommandSpec, defineCommand } from "../define-command.ts";
import type { Terminal } from "../terminal.ts";
import { printable, under } from "../tools/table.ts";
import { type AdminClient, createAdminClient } from "./admin-client.ts";
import { explainFailure } from "./explain-failure.ts";
import { unreachable } from "./unreachable.ts";

/** What a command has that talks to the running plugin. */
export interface Operation<F extends OwnFlags = OwnFlags> extends Given<F> {
  readonly client: AdminClient;
  readonly terminal: Terminal;
}

export interface OperateCommandSpec<F extends OwnFlags>
  extends Omit<CommandSpec<F>, "options" | "run"> {
  /** Does the work, and resolves to the exit code. */
  run(operation: Operation<F>): Promise<number>;
}

/** A path names a device only together with these directories. */
const deviceOptions: readonly (keyof Config)[] = ["deviceDir", "sysfsDir"];

/**
 * A command that talks to the running plugin. What `run` throws goes to the error output, with exit code 2 if no
 * plugin answers and 1 for anything else.
 */
export function operateCommand<F extends OwnFlags>(
  name: string,
  spec: OperateCommandSpec<F>,
): Command {
  return defineCommand(name, {
    ...spec,
    options: ["adminSocket", ...(spec.devices === true ? deviceOptions : [])],
    run: async (given, terminal) => {
      const { adminSocket } = given.config;
      try {
        return await spec.run({ ...given, client: createAdminClient(adminSocket), terminal });
      } catch (error) {
        return reportFailure(explainFailure(error, adminSocket), program, terminal);
      }
    },
  });
}

/** Writes a line on what failed and one on what to do; returns the exit code. */
export function reportFailure(error: PluginError, subject: string, terminal: Terminal): number {
  const { code, message, remedy } = error;
  const lines = [under(subject, message), ...(remedy === undefined ? [] : [remedy])];
  terminal.err(lines.map((line) => `${printable(line)}\n`).join(""));
  return code === unreachable ? exitCode.unreachable : exitCode.failure;
}
