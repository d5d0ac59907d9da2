import { errnoNameOf } from "../../linux/errno-error.ts";
import { type Ioctl, openVideoDevice, type VideoFile } from "../../v4l2/video-file.ts";
import type { Capabilities } from "../../v4l2/video-structs.ts";
import type { ChildLine } from "./ask-nodes.ts";
import type { InputAnswer } from "./camera-signals.ts";
import { resetControls } from "./reset-controls.ts";

/**
 * Opens one node after the other and asks each for its capabilities, for a process that has nothing else to do: open(2)
 * of a camera that answers no more takes up to 84 s on Linux up to 6.15, and no signal ends it.
 */
export function answerQueries(
  paths: readonly string[],
  calls: Ioctl,
  print: (line: ChildLine<{ readonly capabilities: Capabilities }>) => void,
): void {
  openEach(paths, calls, print, (file) => ({ capabilities: file.queryCapabilities() }));
}

/** What a reset of controls has left: the IDs of those that are not at their defaults. */
export interface ControlReset {
  readonly unclean: readonly number[];
}

/** Opens one node after the other and resets its controls, as {@link answerQueries}. */
export function answerResets(
  paths: readonly string[],
  calls: Ioctl,
  print: (line: ChildLine<ControlReset>) => void,
): void {
  openEach(paths, calls, print, (file) => ({ unclean: resetControls(file) }));
}

/** Opens one node after the other and asks for the input that it has selected, as {@link answerQueries}. */
export function answerInputs(
  paths: readonly string[],
  calls: Ioctl,
  print: (line: ChildLine<InputAnswer>) => void,
): void {
  openEach(paths, calls, print, selectedInput);
}

function selectedInput(file: VideoFile): InputAnswer {
  try {
    return { input: file.inputAt(file.getInput()) };
  } catch (error) {
    if (errnoNameOf(error) === "ENOTTY") return {};
    throw error;
  }
}

function openEach<Answer>(
  paths: readonly string[],
  calls: Ioctl,
  print: (line: ChildLine<Answer>) => void,
  ask: (file: VideoFile) => Answer,
): void {
  const answerOf = (path: string): Answer => {
    using file = openVideoDevice(path, calls);
    return ask(file);
  };
  for (const path of paths) {
    print({ opening: path });
    try {
      // Closed before it is printed: the caller may look at once whether a process has the device open.
      print({ path, answer: answerOf(path) });
    } catch (error) {
      print({ path, error: errnoNameOf(error) ?? "unknown" });
    }
  }
}
