import type { VmResult, VmScript } from "./vm.ts";

/** What is played on a machine beside other suites: a script, and the tests of what came of it. */
export interface Suite extends VmScript {
  /** True if the machine has to have ffmpeg and v4l-utils. */
  readonly needsPrograms?: boolean;
  /** True if the machine has to have vim2m and vicodec, in {@link codecDirectory}. */
  readonly needsCodecs?: boolean;
  /** Makes the tests, in a `describe` of the suite's own. `result` throws if the script did not come to its end. */
  tests(result: () => VmResult): void;
}

/** Where a VM has the modules that are not in Debian's kernels. */
export const codecDirectory = "/usr/lib/codecs";

/** Seconds for a suite: a minute on an idle machine. */
export const suiteSeconds = 600;

/** For the end of a suite's script. */
export const noComplaint = `
check "the kernel has no complaint" sh -c '! dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace"'
`;
