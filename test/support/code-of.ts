import { PluginError } from "../../src/common/plugin-error.ts";

/** The code of the PluginError that work rejects with; undefined if it resolves. */
export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (reason) {
    return PluginError.from(reason).code;
  }
}
