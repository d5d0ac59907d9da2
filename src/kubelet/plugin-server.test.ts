import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PluginServer, type PluginServerDeps } from "./plugin-server.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

let optionsAsked = 0;
const listen = (path: string, service: object = {}) =>
  PluginServer.listen(path, {
    service: () =>
      ({
        getDevicePluginOptions: () => {
          optionsAsked += 1;
          return {};
        },
        async *listAndWatch() {},
        getPreferredAllocation: () => ({}),
        allocate: () => ({}),
        preStartContainer: () => ({}),
        ...service,
      }) as ReturnType<PluginServerDeps["service"]>,
    onDefect: () => undefined,
    onStreams: () => undefined,
  });

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return String(error);
  }
  throw new Error("did not fail");
}

describe("the plugin's server", () => {
  test("is root's alone, and has answered itself before it is called serving", async () => {
    const path = join(directory, "a.sock");
    optionsAsked = 0;
    const server = await listen(path);
    expect(optionsAsked).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(server.state()).toBe("serving");
    await server.close(100);
    expect(existsSync(path)).toBe(false);
  });

  test("that can't answer itself is none, and leaves no socket", async () => {
    const path = join(directory, "a.sock");
    const getDevicePluginOptions = () => {
      throw new Error("out of order");
    };
    expect(await failure(listen(path, { getDevicePluginOptions }))).toContain("out of order");
    expect(existsSync(path)).toBe(false);
  });

  test("says why it can't listen", async () => {
    const path = join(directory, "missing", "a.sock");
    expect(await failure(listen(path))).toContain(`access '${join(directory, "missing")}'`);
  });

  test("leaves a path that holds somebody else's file by now", async () => {
    const path = join(directory, "a.sock");
    const server = await listen(path);
    renameSync(path, join(directory, "moved.sock"));
    writeFileSync(path, "");
    expect(server.state()).toBe("socket_lost");
    await server.close(100);
    expect(existsSync(path)).toBe(true);
  });
});
