/** How a check went: `warning` is what a person should know of, `problem` what keeps the plugin from its job. */
export type CheckState = "ok" | "warning" | "problem";

export interface Check {
  /** Stable, for programs: `module_file`. */
  readonly check: string;
  /** The same for people, in a word or three. */
  readonly title: string;
  readonly state: CheckState;
  /** What was seen, in a sentence without a full stop. */
  readonly detail: string;
  /** What to do about it; a command where there is one. */
  readonly remedy?: string;
}

/** A kind of check, by its stable name and its title. */
export function checkNamed(check: string, title: string) {
  const make =
    (state: CheckState) =>
    (detail: string, remedy?: string): Check => ({
      ...{ check, title, state, detail },
      ...(remedy === undefined ? {} : { remedy }),
    });
  return { ok: make("ok"), warning: make("warning"), problem: make("problem") };
}
