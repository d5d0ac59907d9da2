import { mkdirSync } from "node:fs";
import { run } from "../stories/cameras.ts";

/** A device directory that isn't /dev. */
export const DIR = "/run/their-dev";

export const busybox = (...args: string[]) => run(["/bin/busybox", ...args]);

export const HOST_DEV_READ_ONLY = [`mount --bind /dev ${DIR}`, `mount -o remount,bind,ro ${DIR}`];
export const EMPTY_READ_ONLY = [`mount -t tmpfs -o ro none ${DIR}`];
export const EMPTY = [`mount -t tmpfs none ${DIR}`];

/** While `act` runs, {@link DIR} is what these mount commands make of it. */
export async function withMount(
  commands: readonly string[],
  act: () => Promise<void>,
): Promise<void> {
  mkdirSync(DIR, { recursive: true });
  for (const command of commands) busybox(...command.split(" "));
  try {
    await act();
  } finally {
    busybox("umount", DIR);
  }
}
