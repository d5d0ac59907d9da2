/** A device's major and minor number: `ls -l` prints them for its node in place of a size. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** Reads `st_rdev`, composed by glibc's `makedev` (sys/sysmacros.h); majors below 4096. */
export function decodeDevice(rdev: number): DeviceNumber {
  return {
    major: (rdev >>> 8) & 0xfff,
    minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
  };
}

/** The `dev` argument of mknod(2): the kernel's `new_encode_dev`, include/linux/kdev_t.h. */
export function encodeDevice({ major, minor }: DeviceNumber): number {
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/** `81:3`, as in sysfs. */
export function formatDevice({ major, minor }: DeviceNumber): string {
  return `${major}:${minor}`;
}

/** Reads `81:3`, with or without white space around it; undefined for anything else. */
export function parseDevice(text: string): DeviceNumber | undefined {
  const [, major, minor] = /^\s*(\d+):(\d+)\s*$/.exec(text) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return { major: Number(major), minor: Number(minor) };
}
