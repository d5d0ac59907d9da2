import type { Command } from "./command.ts";
import { demoCommand } from "./demo.ts";
import { devicesCommand } from "./devices.ts";
import { doctorCommand } from "./doctor.ts";
import { helpCommand } from "./help.ts";
import { runCommand } from "./run.ts";
import { setupCommand } from "./setup.ts";
import { snapshotCommand } from "./snapshot.ts";
import { testpatternCommand } from "./testpattern.ts";
import { versionCommand } from "./version.ts";

/** The program's commands, in the order in which help lists them. */
export const commands: readonly Command[] = [
  runCommand,
  setupCommand,
  demoCommand,
  doctorCommand,
  devicesCommand,
  testpatternCommand,
  snapshotCommand,
  versionCommand,
  helpCommand(() => commands),
];
