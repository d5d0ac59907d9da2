/** A TCP port of 127.0.0.1 that nobody used a moment ago; somebody may by now. For demos and tests. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
