import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askSocket } from "../../test/support/admin-client.ts";
import { type LogLine, recordingLogger } from "../../test/support/recording-logger.ts";
import { systemClock } from "../common/clock.ts";
import { type AdminServer, serveAdmin } from "./admin-server.ts";

const fail = () => {
  throw new TypeError("out of film");
};

describe("the admin socket", () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-admin-"));
  const path = join(directory, "admin.sock");
  let server: AdminServer;
  let log: { readonly lines: LogLine[] };

  beforeEach(async () => {
    const recorder = recordingLogger();
    log = recorder;
    const actions = {
      ...{ status: fail, subscribe: () => () => undefined, setLogLevel: fail },
      ...{ reset: fail, repair: fail, cordon: fail, uncordon: fail },
    };
    const probes = { live: fail, ready: () => [] };
    server = await serveAdmin(path, { actions, probes, clock: systemClock, log: recorder });
  });
  afterEach(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test("logs an internal error in a probe's answer once, however often a request repeats it", async () => {
    for (let asked = 0; asked < 3; asked++) {
      expect((await askSocket(path, "/healthz")).status).toBe(500);
    }
    const errors = log.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ msg, fields }) => [msg, fields["error"]])).toEqual([
      ["Request handler failed", "TypeError: out of film"],
    ]);
    expect(errors[0]?.fields["stack"]).toContain("admin-server.test.ts");
  });
});
