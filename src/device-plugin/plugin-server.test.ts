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
    takeOver: async () => false,
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

/** Makes every file appear to be on a file system without birth times, until the result is disposed of. */
function withoutBirthTimes() {
  const spy = spyOn(unixSocket, "fileIdentity").mockImplementation((path) => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && unixSocket.identityOf(Object.assign(stat, { birthtimeNs: 0n }));
  });
  return { [Symbol.dispose]: () => spy.mockRestore() };
}

describe("the plugin's server", () => {
  test("belongs to root alone, and has answered itself before it counts as serving", async () => {
    const path = join(directory, "a.sock");
    optionsAsked = 0;
    const server = await listen(path);
    expect(optionsAsked).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(server.state()).toBe("serving");
    await server.close(100);
    expect(existsSync(path)).toBe(false);
  });

  test("fails to start if it can't answer itself, and leaves no socket", async () => {
    const path = join(directory, "a.sock");
    const outOfOrder = () => {
      throw new Error("out of order");
    };
    expect(await failure(listen(path, { getDevicePluginOptions: outOfOrder }))).toContain(
      "out of order",
    );
    expect(existsSync(path)).toBe(false);
  });

  test("fails with the reason why it can't listen", async () => {
    const path = join(directory, "missing", "a.sock");
    expect(await failure(listen(path))).toContain(`access '${join(directory, "missing")}'`);
  });

  test("does not remove another file at its path", async () => {
    const path = join(directory, "a.sock");
    const server = await listen(path);
    renameSync(path, join(directory, "moved.sock"));
    writeFileSync(path, "");
    expect(server.state()).toBe("socket_lost");
    await server.close(100);
    expect(existsSync(path)).toBe(true);
    expect(await unixSocket.isListening(join(directory, "moved.sock"))).toBe(false);
  });

  test("recognises its own socket on a file system without birth times", async () => {
    using _ = withoutBirthTimes();
    const path = join(directory, "a.sock");
    const server = await listen(path);
    expect(server.state()).toBe("serving");
    await server.close(100);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("no longer listens once it is closed, even if it doesn't recognise its socket", async () => {
    using _ = withoutBirthTimes();
    const path = join(directory, "a.sock");
    const server = await listen(path);
    chmodSync(path, 0o666);
    expect(server.state()).toBe("socket_lost");
    await server.close(100);
    expect(await unixSocket.isListening(path)).toBe(false);
  });
});
