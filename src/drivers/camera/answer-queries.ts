import { errnoNameOf } from "../../linux/errno-error.ts";
import { type Ioctl, openVideoDevice } from "../../v4l2/video-file.ts";
import type { Capabilities } from "../../v4l2/video-structs.ts";

/** A line that the child process prints: it is about to open a node, then what came of it. */
export type QueryLine =
  | { readonly opening: string }
  | { readonly path: string; readonly capabilities: Capabilities }
  /** `error` is an errno's name, `ENODEV`. */
  | { readonly path: string; readonly error: string };

/**
 * Opens one node after the other and asks each for its capabilities, for a process that has nothing else to do: open(2)
 * of a camera that answers no more takes up to 84 s on Linux up to 6.15, and no signal ends it.
 */
export function answerQueries(
  paths: readonly string[],
  calls: Ioctl,
  print: (line: QueryLine) => void,
): void {
  for (const path of paths) {
    print({ opening: path });
    try {
      using file = openVideoDevice(path, calls);
      print({ path, capabilities: file.queryCapabilities() });
    } catch (error) {
      print({ path, error: errnoNameOf(error) ?? "unknown" });
    }
  }
}
