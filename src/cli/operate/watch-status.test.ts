import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { device, FakeAdmin, statusOf } from "../../../test/support/fake-admin.ts";
import { systemClock } from "../../common/clock.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { AdminService } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { createAdminClient } from "./admin-client.ts";
import { followStatus, type Seen } from "./follow-status.ts";
import { drawStatuses, printStatuses } from "./watch-status.ts";

let admin: FakeAdmin;
let stop: AbortController;
beforeEach(() => {
  admin = new FakeAdmin();
  admin.start();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await admin.clear();
});

const follow = () =>
  followStatus(createAdminClient(admin.socket), admin.socket, systemClock, stop.signal);

async function next(seen: AsyncGenerator<Seen>): Promise<Seen> {
  const { value } = await seen.next();
  if (value === undefined) throw new Error("there is no more to see");
  return value;
}

function versionOf(seen: Seen): string {
  return "status" in seen ? seen.status.version : seen.lost.code;
}

describe("following the status", () => {
  test("yields it at once and after each change", async () => {
    const seen = follow();
    expect(versionOf(await next(seen))).toBe("0.1.0");
    admin.status = statusOf([], { version: "0.2.0" });
    expect(versionOf(await next(seen))).toBe("0.2.0");
  });

  test("goes on after the plugin's restart, and yields once that it was away", async () => {
    const seen = follow();
    await next(seen);
    const away = next(seen);
    await admin.stop();
    expect(versionOf(await away)).toBe("plugin_unreachable");
    const back = next(seen);
    // through one or two failing attempts
    await Bun.sleep(1200);
    admin.status = statusOf([], { version: "0.2.0" });
    admin.start();
    expect(versionOf(await back)).toBe("0.2.0");
  });

  test("treats a stream that ends with an error as the plugin's stop", async () => {
    const transport = createRouterTransport(({ service }) =>
      service(AdminService, {
        watchStatus: async function* () {
          yield { status: admin.status };
          throw new ConnectError("This operation was aborted", Code.Canceled);
        },
      }),
    );
    const client = createClient(AdminService, transport);
    const seen = followStatus(client, admin.socket, systemClock, stop.signal);
    expect([await next(seen), await next(seen), await next(seen)].map(versionOf)).toEqual([
      "0.1.0",
      "canceled",
      "0.1.0",
    ]);
  });

  test("ends when its signal aborts", async () => {
    const seen = follow();
    await next(seen);
    const last = seen.next();
    stop.abort();
    expect(await last).toEqual({ value: undefined, done: true });
  });

  test("fails if no plugin answers at the start", async () => {
    await admin.stop();
    let thrown: unknown;
    await next(follow()).catch((error) => {
      thrown = error;
    });
    expect(PluginError.from(thrown).code).toBe("plugin_unreachable");
  });
});

async function* of(...seen: Seen[]): AsyncGenerator<Seen> {
  yield* seen;
}

const lost = { lost: new PluginError("plugin_unreachable", "No plugin answers.") };
const options = { json: false, now: () => 0, events: 5 };

describe("statuses for a pipe", () => {
  test("are printed one below the other, and a lost plugin on the error output", async () => {
    const written = { out: "", err: "" };
    const terminal = {
      out: (text: string) => {
        written.out += text;
      },
      err: (text: string) => {
        written.err += text;
      },
    };
    await printStatuses(
      of({ status: admin.status }, lost, { status: admin.status }),
      terminal,
      options,
    );
    expect(written.out.match(/^✓ node-a/gm)).toHaveLength(2);
    expect(written.out).toContain("\n\n✓ node-a");
    expect(written.err).toBe("Waiting for the plugin. No plugin answers.\n");
  });

  test("are a line each as JSON", async () => {
    const lines: string[] = [];
    const terminal = { out: (text: string) => void lines.push(text), err: () => undefined };
    const seen = of({ status: admin.status }, { status: admin.status });
    await printStatuses(seen, terminal, { ...options, json: true });
    expect(lines.map((line) => JSON.parse(line).nodeName)).toEqual(["node-a", "node-a"]);
    expect(lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
  });

  test("end when their reader closes the pipe", async () => {
    let writes = 0;
    const terminal = { out: () => ++writes < 2, err: () => undefined };
    const status = { status: admin.status };
    await printStatuses(of(status, status, status, status), terminal, options);
    expect(writes).toBe(2);
  });
});

describe("a status on a screen", () => {
  const screen = { columns: () => 80, rows: () => 8 };

  async function drawn(...seen: Seen[]): Promise<string[]> {
    const writes: string[] = [];
    const terminal = { out: (text: string) => void writes.push(text), err: () => undefined };
    const { signal } = stop;
    const how = { clock: systemClock, now: Date.now, signal, colour: false, events: 5 };
    await drawStatuses(of(...seen), terminal, screen, how);
    return writes;
  }

  test("is drawn in place, and printed once more when the screen is restored", async () => {
    const writes = await drawn({ status: admin.status });
    expect(writes.map((text) => text.slice(0, 8))).toEqual([
      "\x1b[?1049h",
      "\x1b[H✓ nod",
      "\x1b[?25h\x1b[",
      "✓ node-a",
    ]);
  });

  test("fits the rows of the screen", async () => {
    const many = Array.from({ length: 40 }, (_, index) => device(10 + index));
    const [, frame = ""] = await drawn({ status: statusOf(many) });
    expect(frame.split("\r\n")).toHaveLength(8);
    expect(frame).toContain("… 39 more devices, all healthy");
    expect(frame).toEndWith("Ctrl-C ends this.\x1b[J");
  });

  test("begins with the devices in trouble and then the cordoned ones, and is whole at the end", async () => {
    const sick = { healthy: false, reason: "missing", detail: "Gone." };
    const cordoned = { healthy: false, reason: "cordoned", cordon: { note: "" } };
    const devices = [
      device(10),
      device(11, cordoned),
      device(12),
      device(13, sick),
      device(14, sick),
    ];
    const [, frame = "", , whole = ""] = await drawn({ status: statusOf(devices) });
    const ids = (text: string) => text.match(/^video\d+(?= {2})/gm);
    expect(ids(frame)).toEqual(["video13"]);
    expect(frame).toContain("… 4 more devices, 2 not healthy; 2 more lines about devices");
    expect(ids(whole)).toEqual(["video10", "video11", "video12", "video13", "video14"]);
  });

  test("stays while the plugin is away, with a line about that", async () => {
    const frame = (await drawn({ status: admin.status }, lost))[2] ?? "";
    expect(frame).toContain("✓ node-a");
    expect(frame).toEndWith("Waiting for the plugin. No plugin answers.\x1b[J");
  });

  test("is left alone if there is no status", async () => {
    expect(await drawn()).toEqual([]);
  });
});
