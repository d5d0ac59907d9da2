import type { NodeAnswer, Question } from "./questions.ts";

/** What came of asking a node that has not answered. */
export type NodeTrouble =
  /** The kernel refused to open it, or the request; `errno` is a name such as `ENODEV`. */
  | { readonly state: "refused"; readonly errno: string }
  /** Neither in {@link ChildLimits.nodeMs}. */
  | { readonly state: "stuck" };

/** How long an answer may take, ms. */
export interface ChildLimits {
  /** For one node. Default 2000: a suspended camera wakes within tens of ms. */
  readonly nodeMs: number;
  /** For the child process to begin. Default 20 000, as on a node that is short of CPU time. */
  readonly startMs: number;
}

const defaultLimits: ChildLimits = { nodeMs: 2000, startMs: 20_000 };

/** A line that a child prints: it is about to open a node, then what came of it. */
export type ChildLine<Answer> =
  | { readonly opening: string }
  | { readonly path: string; readonly answer: Answer }
  /** `error` is an errno's name, `ENODEV`. */
  | { readonly path: string; readonly error: string };

/**
 * Has a child process open one node after the other and ask it. A node that hangs is left behind, since a kill may have no
 * effect on the child, and another child opens the rest.
 *
 * @param program Starts this program; its command `ask-nodes` is the child.
 * @returns the answers by path; a path is missing if no child could open it.
 */
export async function askNodes<Q extends Question>(
  question: Q,
  paths: readonly string[],
  program: readonly string[],
  limits: Partial<ChildLimits> = {},
): Promise<ReadonlyMap<string, NodeAnswer<Q>>> {
  const command = [...program, "ask-nodes", question];
  const answers = new Map<string, NodeAnswer<Q>>();
  const take = (line: ChildLine<object>) => {
    if ("opening" in line) return;
    if ("error" in line) answers.set(line.path, { state: "refused", errno: line.error });
    else answers.set(line.path, { ...line.answer, state: "answered" } as NodeAnswer<Q>);
  };
  for (let rest = paths; rest.length > 0; ) {
    const stuckAt = await askChild(rest, command, { ...defaultLimits, ...limits }, take);
    if (stuckAt === undefined) break;
    answers.set(stuckAt, { state: "stuck" });
    rest = rest.slice(rest.indexOf(stuckAt) + 1);
  }
  return answers;
}

/** Starts one child and takes its lines. @returns the node at which it hangs. */
async function askChild(
  paths: readonly string[],
  command: readonly string[],
  { nodeMs, startMs }: ChildLimits,
  take: (line: ChildLine<object>) => void,
): Promise<string | undefined> {
  const child = Bun.spawn([...command, ...paths], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "ignore" },
    // Not the caller's options.
    env: {},
  });
  // A process that hangs in the kernel must not keep this one.
  child.unref();
  const lines = linesOf(child.stdout);
  const unanswered = new Set(paths);
  let opening: string | undefined;
  for (;;) {
    const next = await within(lines.next(), opening === undefined ? startMs : nodeMs);
    if (next === "late") {
      child.kill("SIGKILL");
      return opening;
    }
    if (next.done === true) return undefined;
    const line = JSON.parse(next.value) as ChildLine<object>;
    opening = "opening" in line ? line.opening : undefined;
    take(line);
    if ("path" in line) unanswered.delete(line.path);
    // The child may take long to end.
    if (unanswered.size === 0) return undefined;
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
