import type { Capabilities } from "../../v4l2/video-structs.ts";
import type { QueryLine } from "./answer-queries.ts";

/** What came of asking a node. */
export type NodeAnswer =
  | { readonly state: "answered"; readonly capabilities: Capabilities }
  /** The kernel refused to open it, or QUERYCAP; `errno` is a name such as `ENODEV`. */
  | { readonly state: "refused"; readonly errno: string }
  /** Neither in {@link QueryLimits.nodeMs}. */
  | { readonly state: "stuck" };

/** How long an answer may take, ms. */
export interface QueryLimits {
  /** For one node. Default 2000: a suspended camera wakes within tens of ms. */
  readonly nodeMs: number;
  /** For the child process to begin. Default 20 000, as on a node that is short of CPU time. */
  readonly startMs: number;
}

const defaultLimits: QueryLimits = { nodeMs: 2000, startMs: 20_000 };

/**
 * Asks nodes for their capabilities (QUERYCAP), in a child process, which opens one after the other. One that hangs is
 * left behind, since a kill may have no effect on it, and another child asks the rest.
 *
 * @param command Starts the child, which calls `answerQueries` with the paths that follow.
 * @returns the answers by path; a path is missing if no child could ask it.
 */
export async function queryNodes(
  paths: readonly string[],
  command: readonly string[],
  limits: QueryLimits = defaultLimits,
): Promise<ReadonlyMap<string, NodeAnswer>> {
  const answers = new Map<string, NodeAnswer>();
  for (let rest = paths; rest.length > 0; ) {
    const stuckAt = await askChild(rest, command, limits, answers);
    if (stuckAt === undefined) break;
    answers.set(stuckAt, { state: "stuck" });
    rest = rest.slice(rest.indexOf(stuckAt) + 1);
  }
  return answers;
}

/** Starts one child and collects its answers. @returns the node at which it hangs. */
async function askChild(
  paths: readonly string[],
  command: readonly string[],
  { nodeMs, startMs }: QueryLimits,
  answers: Map<string, NodeAnswer>,
): Promise<string | undefined> {
  const child = Bun.spawn([...command, ...paths], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "ignore" },
    // Not the caller's options.
    env: {},
  });
  // A process that hangs in the kernel must not keep this one.
  child.unref();
  const lines = linesOf(child.stdout);
  let opening: string | undefined;
  for (;;) {
    const next = await within(lines.next(), opening === undefined ? startMs : nodeMs);
    if (next === "late") {
      child.kill("SIGKILL");
      return opening;
    }
    if (next.done === true) return undefined;
    const line = JSON.parse(next.value) as QueryLine;
    opening = "opening" in line ? line.opening : undefined;
    if ("error" in line) answers.set(line.path, { state: "refused", errno: line.error });
    if ("capabilities" in line) {
      answers.set(line.path, { state: "answered", capabilities: line.capabilities });
    }
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T | "late"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
