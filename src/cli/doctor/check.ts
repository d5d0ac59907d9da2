/** Result of a check: a `warning` is worth knowing, a `problem` prevents the plugin from working. */
export type CheckState = "ok" | "warning" | "problem";

export interface Check {
  /** Stable, for programs: `module_file`. */
  readonly check: string;
  /** The same for people, in one to three words. */
  readonly title: string;
  readonly state: CheckState;
  /** What the check found, in a sentence without a full stop. */
  readonly detail: string;
  /** What to do; a command where there is one. */
  readonly remedy?: string;
  /** Name of the pool that it is about, if the node has several. */
  readonly pool?: string;
}

/** The remedy for what this user may not see or change, and root may. */
export const runAsRoot = "Run this as root: sudo video-device-plugin doctor";

/** Makes results of the check with this stable name and title. */
export function checkNamed(check: string, title: string) {
  const make =
    (state: CheckState) =>
    (detail: string, remedy?: string): Check => ({
      ...{ check, title, state, detail },
      ...(remedy === undefined ? {} : { remedy }),
    });
  return { ok: make("ok"), warning: make("warning"), problem: make("problem") };
}
