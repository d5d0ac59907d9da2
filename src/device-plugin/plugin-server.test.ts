import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idlePluginService } from "../../test/support/idle-plugin-service.ts";
import * as unixSocket from "../common/unix-socket.ts";
import { PluginServer } from "./plugin-server.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

let optionsAsked = 0;
const getDevicePluginOptions = () => {
  optionsAsked += 1;
  return {};
};
const listen = (path: string, methods: object = { getDevicePluginOptions }) =>
  PluginServer.listen(path, {
    service: () => idlePluginService(methods),
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

/** Makes every file look as on a file system that doesn't know when it was made. Undone by the result. */
function withoutBirthTimes() {
  const spy = spyOn(unixSocket, "fileIdentity").mockImplementation((path) => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && unixSocket.identityOf(Object.assign(stat, { birthtimeNs: 0n }));
  });
  return { [Symbol.dispose]: () => spy.mockRestore() };
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
    const outOfOrder = () => {
      throw new Error("out of order");
    };
    expect(await failure(listen(path, { getDevicePluginOptions: outOfOrder }))).toContain(
      "out of order",
    );
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
    expect(await unixSocket.isListening(join(directory, "moved.sock"))).toBe(false);
  });

  test("knows its own socket on a file system without birth times", async () => {
    using _ = withoutBirthTimes();
    const path = join(directory, "a.sock");
    const server = await listen(path);
    expect(server.state()).toBe("serving");
    await server.close(100);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("listens no longer once it is closed, even if it doesn't know its socket again", async () => {
    using _ = withoutBirthTimes();
    const path = join(directory, "a.sock");
    const server = await listen(path);
    chmodSync(path, 0o666);
    expect(server.state()).toBe("socket_lost");
    await server.close(100);
    expect(await unixSocket.isListening(path)).toBe(false);
  });
});
