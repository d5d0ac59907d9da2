import { Code, ConnectError } from "@connectrpc/connect";
import { messageOf } from "../common/plugin-error.ts";

/** An error as Go prints it: `rpc error: code = NotFound desc = …` for a status, else its message. */
export function goError(error: unknown): string {
  if (error instanceof ConnectError) {
    return `rpc error: code = ${Code[error.code]} desc = ${error.rawMessage}`;
  }
  return messageOf(error);
}

/** The values in random order, as ranging over a Go map returns them. `random` is in [0, 1). */
export function shuffled<T>(values: Iterable<T>, random: () => number): T[] {
  return [...values]
    .map((value) => ({ value, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
