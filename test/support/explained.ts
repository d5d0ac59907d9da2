import { messageOf } from "../../src/common/plugin-error.ts";

/** Resolves as `work` does; the message of its error is followed by what `explain` knows then, such as logs. */
export async function explained<T>(
  work: () => Promise<T>,
  explain: () => string | Promise<string>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new Error(`${messageOf(cause)}\n${await explain()}`, { cause });
  }
}
