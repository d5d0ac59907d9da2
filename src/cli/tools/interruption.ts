/** Aborts on the first Ctrl-C or SIGTERM, so that what was begun is ended in order. */
export function interruption(): AbortSignal {
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort());
  process.once("SIGTERM", () => interrupt.abort());
  return interrupt.signal;
}
