import { dirname } from "node:path";
import type { ErrorCode } from "../common/error-codes.ts";
import { ensureDirectory, replaceFile } from "../common/files.ts";
import { messageOf, PluginError } from "../common/plugin-error.ts";

/**
 * Replaces a file of the state directory, see {@link replaceFile}. Creates the directory.
 *
 * @param code Of the error if that fails.
 * @throws PluginError of that code.
 */
export async function writeStateFile(path: string, text: string, code: ErrorCode): Promise<void> {
  const directory = dirname(path);
  try {
    ensureDirectory(directory);
    await replaceFile(path, text);
  } catch (cause) {
    throw new PluginError(code, `${path} can't be written: ${messageOf(cause)}.`, {
      cause,
      remedy: `Make room in ${directory} and let this process write there, or name another STATE_DIR.`,
    });
  }
}
