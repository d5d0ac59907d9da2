import { errnoNameOf } from "../../linux/errno-error.ts";
import { type Ioctl, openVideoDevice, type VideoFile } from "../../v4l2/video-file.ts";
import type { VideoInput } from "../../v4l2/video-input.ts";
import type { ChildLine, NodeTrouble } from "./ask-nodes.ts";
import { resetControls } from "./reset-controls.ts";

/** What a child process asks each node, by the word on its command line. */
export const questions = {
  /** What it is. */
  capabilities: (file: VideoFile) => ({ capabilities: file.queryCapabilities() }),
  /** The input that it has selected; absent if its driver has no inputs. */
  input: selectedInput,
  /** Resets its controls. The IDs of those that are not at their defaults after it. */
  reset: (file: VideoFile) => ({ unclean: resetControls(file) }),
};

export type Question = keyof typeof questions;

/** What came of asking a node. */
export type NodeAnswer<Q extends Question = Question> =
  | (Readonly<ReturnType<(typeof questions)[Q]>> & { readonly state: "answered" })
  | NodeTrouble;

/**
 * Opens one node after the other and asks it, for a process that has nothing else to do: open(2) of a camera that answers no
 * more takes up to 84 s on Linux up to 6.15, and no signal ends it.
 */
export function answerQuestion(
  question: Question,
  paths: readonly string[],
  calls: Ioctl,
  print: (line: ChildLine<object>) => void,
): void {
  const answerOf = (path: string) => {
    using file = openVideoDevice(path, calls);
    return questions[question](file);
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

function selectedInput(file: VideoFile): { input?: VideoInput } {
  try {
    return { input: file.inputAt(file.getInput()) };
  } catch (error) {
    if (errnoNameOf(error) === "ENOTTY") return {};
    throw error;
  }
}
