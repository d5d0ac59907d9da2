import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
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

/** Where the controller of device control groups is mounted meanwhile. */
const RULES = "/run/device-rules";

/** While `act` runs, this process may open no video device and no control device, as in a container's control group. */
export async function withoutDevices(act: () => Promise<void>): Promise<void> {
  mkdirSync(RULES, { recursive: true });
  busybox("mount", "-t", "cgroup", "-o", "devices", "none", RULES);
  const enter = (group: string) => writeFileSync(`${group}/cgroup.procs`, String(process.pid));
  const group = `${RULES}/without`;
  try {
    mkdirSync(group);
    for (const major of [10, 81]) writeFileSync(`${group}/devices.deny`, `c ${major}:* rwm`);
    enter(group);
    await act();
  } finally {
    enter(RULES);
    rmdirSync(group);
    busybox("umount", RULES);
  }
}
