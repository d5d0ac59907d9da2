/** What a version of v4l2loopback does to the kernels that it can't run on. */
export interface ModuleDefect {
  /** False if some builds of the version have the fix: neither the file nor /sys shows which. */
  readonly certain: boolean;
  /** What it does, as the middle of a sentence: `crashes kernels from 6.18 on`. */
  readonly effect: string;
  /** An instruction. */
  readonly remedy: string;
}

interface Row extends ModuleDefect {
  /** The first version with the defect, and the first one after it without. */
  readonly from: readonly number[];
  readonly fixedIn: readonly number[];
  /** The first kernel, as major and minor number. */
  readonly kernel: readonly number[];
}

/**
 * Linux 6.18 took the file handle away from the ioctls of V4L2 drivers (v4l2-ioctl.c passes no `fh` any more), and
 * v4l2loopback used it up to 0.15.2.
 */
const rows: readonly Row[] = [
  {
    // Upstream's 0.12 does not compile for these kernels. A patch that only makes it compile freezes the host
    // (v4l2loopback/v4l2loopback#670); Ubuntu's 0.12.7-2ubuntu5.2 has the whole fix, and no version inside either.
    from: [0],
    fixedIn: [0, 13],
    kernel: [6, 18],
    certain: false,
    effect: "can freeze a host with Linux 6.18 or later as soon as a program streams",
    remedy:
      "Install v4l2loopback 0.15.3 or later. Of 0.12, Ubuntu's package 0.12.7-2ubuntu5.2 and later ones have the fix (on the host: dpkg -l v4l2loopback-dkms); the module itself doesn't say whether it has.",
  },
  {
    // The ioctls of 0.13 and 0.14 use the file handle (fh_to_opener) as those of 0.12 and 0.15.0 do. Upstream's do not
    // compile for these kernels before 0.15.2 ("Fix FTBFS with linux 6.18+"): a build is a patched one.
    from: [0, 13],
    fixedIn: [0, 15],
    kernel: [6, 18],
    certain: false,
    effect: "can crash Linux 6.18 and later when a program opens one of its devices",
    remedy:
      "Install v4l2loopback 0.15.3 or later, or find out whether this build's patch takes the file handle from the file (v4l2loopback/v4l2loopback#653); the module itself doesn't say.",
  },
  {
    // v4l2loopback/v4l2loopback#653; its NEWS, 0.15.3: "Fix oops with linux 6.18+".
    from: [0, 15, 0],
    fixedIn: [0, 15, 3],
    kernel: [6, 18],
    certain: true,
    effect: "crashes Linux 6.18 and later when a program opens one of its devices",
    remedy:
      "Install v4l2loopback 0.15.3 or later. If this build has the fix nevertheless, set V4L2_LOAD_UNSAFE=true.",
  },
];

/**
 * The known defect of a version of v4l2loopback on a kernel; undefined if none is known.
 *
 * @param version As the module's file or /sys has it; undefined is 0.12, which has none.
 * @param kernelRelease Of the running kernel, as `uname -r` prints it.
 */
export function moduleDefect(
  version: string | undefined,
  kernelRelease: string,
): ModuleDefect | undefined {
  const module = numbersOf(version ?? "0.12");
  const kernel = numbersOf(kernelRelease);
  return rows.find(
    (row) =>
      !isBefore(kernel, row.kernel) && !isBefore(module, row.from) && isBefore(module, row.fixedIn),
  );
}

/** The whole of a defect in one sentence without its full stop. */
export function describeDefect(
  version: string | undefined,
  { effect }: ModuleDefect,
  kernelRelease: string,
): string {
  return `v4l2loopback ${version ?? "0.12"} ${effect}, and this is ${kernelRelease}`;
}

/** The numbers at the start: 6, 18 and 3 of `6.18.3-arch1-1`. */
function numbersOf(text: string): number[] {
  return (/^\d+(\.\d+)*/.exec(text)?.[0] ?? "").split(".").map(Number);
}

/** True if `a` is less than `b`, number by number; what is missing is 0. */
function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const length = Math.max(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
