/**
 * Starts the works in their order, at most `limit` at a time. Works that fail don't keep others from being started.
 *
 * @returns a promise for each.
 */
export function startEach<T>(works: readonly (() => Promise<T>)[], limit: number): Promise<T>[] {
  const waiting = works.map((work) => ({ work, ...Promise.withResolvers<T>() }));
  const promises = waiting.map(({ promise }) => promise);
  // The caller gets a failure when it awaits that promise, maybe much later.
  for (const promise of promises) promise.catch(() => undefined);
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { work, resolve, reject } = next;
      await work().then(resolve, reject);
    }
  };
  for (let worked = 0; worked < limit; worked++) void worker();
  return promises;
}
