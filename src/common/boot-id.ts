import { readSmallFile } from "./files.ts";

/**
 * The kernel's boot ID: another one after each boot of the host, and the same in its containers (random(4)). Empty if it
 * can't be read.
 */
export function readBootId(): string {
  return readSmallFile("/proc/sys/kernel/random/boot_id") ?? "";
}

/** True if a file with the boot ID `written` is of the boot `now`. False if that isn't known: after a reboot it is wrong. */
export function isSameBoot(written: unknown, now: string): boolean {
  return now !== "" && written === now;
}
