import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { ConnectionGuard, connectionsTo, openFiles } from "./connection-guard.ts";

describe("the connection guard", () => {
  test("cuts when there are more than the limit above the program's own files", () => {
    const guard = new ConnectionGuard(10);
    expect([30, 40, 41].map((files) => guard.isOverLimit(files, () => 11))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test("takes the fewest open files ever counted for the program's own, also if an attack came first", () => {
    const guard = new ConnectionGuard(10);
    expect([500, 30, 35, 60].map((files) => guard.isOverLimit(files, () => 11))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  test("cuts nothing for files that are no connections, and does not count connections while there are few files", () => {
    const guard = new ConnectionGuard(10);
    let counted = 0;
    const connections = () => {
      counted++;
      return 10;
    };
    expect([30, 40, 500].map((files) => guard.isOverLimit(files, connections))).toEqual([
      false,
      false,
      false,
    ]);
    expect(counted).toBe(1);
  });

  test.each(["127.0.0.1", "::1"])("counts connections to a port of %s", async (host) => {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(connectionsTo(port)).toBe(0);
    const clients = [connect(port, host), connect(port, host)];
    await Promise.all([once(server, "connection"), ...clients.map((one) => once(one, "connect"))]);
    while (connectionsTo(port) < 2) await Bun.sleep(1);
    expect(connectionsTo(port)).toBe(2);
    for (const client of clients) client.destroy();
    server.close();
  });

  test("counts this process's open files", () => {
    const before = openFiles();
    const file = openSync("/dev/null", "r");
    const after = openFiles();
    closeSync(file);
    expect(after).toBe(before + 1);
  });
});
