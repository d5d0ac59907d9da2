import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJson } from "@connectrpc/connect/protocol-connect";
import { defaultMaintenanceTimes } from "../../src/devices/maintenance/maintenance-times.ts";
import {
  ErrorInfoSchema,
  LogLevel,
  Use,
  Work,
} from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { deviceWords } from "../../src/observe/device-words.ts";
import type { LogLevelControl } from "../../src/observe/log-level.ts";
import {
  adminClient,
  askSocket,
  explanationOf,
  failureOf,
  statusOf,
} from "../support/admin-client.ts";
import { FakeDriver } from "../support/fake-driver.ts";
import { eventually, Scenario } from "./harness.ts";

const service = "/videodevice.admin.v1.AdminService";

let scenario: Scenario;
let client: ReturnType<typeof adminClient>;
beforeEach(() => {
  scenario = new Scenario();
  client = adminClient(scenario.adminSocket);
});
afterEach(() => scenario.close());

const ask = (path: string, init?: RequestInit) => askSocket(scenario.adminSocket, path, init);

const post = (method: string, body: string | Uint8Array<ArrayBuffer>, type = "application/json") =>
  ask(`${service}/${method}`, { method: "POST", headers: { "content-type": type }, body });

const status = () => statusOf(client);

const served = () => eventually(() => existsSync(scenario.adminSocket), "the admin socket");

describe("the admin API", () => {
  test("reports everything that the plugin knows", async () => {
    await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    let now = await status();
    // On a busy machine the kubelet may list a pod only after the grace time of its Allocate.
    while (now.devices[0]?.use !== Use.IN_USE) now = await status();
    expect(now).toMatchObject({
      version: "test",
      nodeName: "node-a",
      resourceName: "meeting-baas.io/video-devices",
      driver: "simulated",
      logLevel: LogLevel.INFO,
      kubelet: { registered: true, reason: "registered" },
    });
    expect(now.devices.map(({ id }) => id)).toEqual(
      Array.from({ length: 8 }, (_, n) => `video${10 + n}`),
    );
    expect(now.devices[0]).toMatchObject({
      number: 10,
      path: join(scenario.simulatedDir, "video10"),
      healthy: true,
      reason: "ok",
      use: Use.IN_USE,
      clean: false,
    });
    expect(now.devices[1]).toMatchObject({ clean: true });
    expect(now.events.find(({ message }) => message === "Device allocated")).toMatchObject({
      level: LogLevel.INFO,
      fields: { device_id: "video10" },
    });
  });

  test("has a socket that only root may open from its creation on, and removes it", async () => {
    const { stop } = await scenario.registered();
    expect(statSync(scenario.adminSocket).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(scenario.adminSocket)).mode & 0o777).toBe(0o700);
    await stop();
    expect(readdirSync(dirname(scenario.adminSocket))).toEqual([]);
  });

  test("answers JSON to a POST and to a GET, and gRPC-Web", async () => {
    await scenario.registered();
    const posted = await post("GetStatus", "{}");
    expect(posted.headers.get("content-type")).toBe("application/json");
    const { status } = (await posted.json()) as { status: { devices: object[] } };
    expect(status).toMatchObject({ nodeName: "node-a" });
    expect(status.devices[0]).toMatchObject({
      id: "video10",
      healthy: true,
      resets: 0,
      format: "",
    });
    const got = await ask(`${service}/GetStatus?connect=v1&encoding=json&message=%7B%7D`);
    expect(await got.json()).toMatchObject({ status: { driver: "simulated" } });
    const web = await adminClient(scenario.adminSocket, "grpc-web").getStatus({});
    expect(web.status?.nodeName).toBe("node-a");
  });

  test("answers a wrong request with a code, a sentence and a remedy", async () => {
    await scenario.registered();
    const answer = await post("ResetDevice", '{"deviceId":"video99"}');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      code: "not_found",
      message: "video99 is not one of this node's devices; the node has video10 to video17.",
    });
    expect(await failureOf(client.resetDevice({ deviceId: "video99" }))).toBe(
      "NotFound device_unknown",
    );
    expect(await failureOf(client.cordonDevice({}))).toBe("InvalidArgument device_id_missing");
    expect(
      await failureOf(client.cordonDevice({ deviceId: "video10", note: "x".repeat(201) })),
    ).toBe("InvalidArgument note_too_long");
    expect(await failureOf(client.setLogLevel({}))).toBe("InvalidArgument log_level_unspecified");
    expect(await failureOf(client.setLogLevel({ level: 99 as LogLevel }))).toBe(
      "InvalidArgument log_level_unspecified",
    );
  });

  test("refuses with one sentence and a remedy in another one", async () => {
    await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    const inject = (fault: string, text: string) =>
      writeFileSync(join(scenario.simulatedDir, ".faults", fault), text);
    inject("video11.held", "A program of the host.");
    inject("video12.reset-fails", "The kernel said no.");
    rmSync(scenario.stateDir, { recursive: true });
    writeFileSync(scenario.stateDir, "no directory");
    const refusals = [
      () => client.resetDevice({ deviceId: "video99" }),
      () => client.resetDevice({}),
      () => client.resetDevice({ deviceId: "video10" }),
      () => client.resetDevice({ deviceId: "video11", force: true }),
      () => client.resetDevice({ deviceId: "video12", force: true }),
      () => client.cordonDevice({ deviceId: "video10" }),
      () => client.cordonDevice({ deviceId: "video10", note: "x".repeat(201) }),
      () => client.setLogLevel({}),
    ];
    for (const refusal of refusals) {
      const { message, remedy } = await explanationOf(refusal());
      expect(message).toMatch(/^([A-Z]|video\d+ |\/).*[^.]\.$/);
      // A command ends a line without a full stop, so that it can be copied.
      if (remedy !== "") expect(remedy).toMatch(/^[A-Z].*([^.]\.|: \S.*[^.])$/);
    }
  });

  test("survives garbage, huge bodies and clients that hang up", async () => {
    const { log } = await scenario.registered();
    const garbage = await post("GetStatus", "garbage");
    expect([garbage.status, await garbage.json()]).toEqual([
      400,
      expect.objectContaining({ code: "invalid_argument", details: [expect.anything()] }),
    ]);
    expect((await post("GetStatus", "{}", "text/plain")).status).toBe(415);
    expect((await post("Nonsense", "{}")).status).toBe(404);
    expect((await ask("/", { method: "DELETE" })).status).toBe(404);
    expect((await post("GetStatus", new Uint8Array(10_000_000))).status).toBe(413);
    for (const bytes of ["\x16\x03\x01\x02", "GET / HTTP/9\r\n\r\n", "POST /x HTTP/1.1\r\n"]) {
      const socket = connect(scenario.adminSocket);
      socket.on("error", () => undefined);
      socket.end(bytes);
      await new Promise((resolve) => socket.on("close", resolve).resume());
    }
    expect((await status()).devices).toHaveLength(8);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("answers an unknown method like any other refusal", async () => {
    await scenario.registered();
    const answer = await post("Nonsense", "{}");
    const json = (await answer.json()) as JsonValue;
    const error = errorFromJson(json, undefined, new ConnectError("no error"));
    const [info] = error.findDetails(ErrorInfoSchema);
    expect([Code[error.code], info?.code]).toEqual(["Unimplemented", "method_unknown"]);
    expect(error.rawMessage).toBe(`The admin API has no method ${service.slice(1)}/Nonsense.`);
    expect(info?.remedy).toContain("of one version");
  });

  test("answers requests with an invalid Host", async () => {
    await scenario.registered();
    const statusLine = (head: string) => firstLine(scenario.adminSocket, head);
    for (const host of ["a b", "a b<>", "[::1"]) {
      const line = await statusLine(`GET /readyz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect(line).toMatch(/^HTTP\/1\.1 (200|404) /);
      const call = `${service}/GetStatus?connect=v1&encoding=json&message=%7B%7D`;
      expect(await statusLine(`GET ${call} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 (200|404) /,
      );
    }
  });

  test("sets the log level until the process ends", async () => {
    const { log } = scenario.startPlugin({}, { logLevel: levelControl("warn") });
    await served();
    expect((await client.setLogLevel({ level: LogLevel.DEBUG })).previous).toBe(LogLevel.WARN);
    expect((await status()).logLevel).toBe(LogLevel.DEBUG);
    expect(log.lines.find(({ msg }) => msg === "Log level changed")?.fields).toEqual({
      log_level: "debug",
      was: "warn",
      by: "the admin API",
    });
  });
});

describe("a cordon", () => {
  test("makes a device unhealthy, also after a restart, until an uncordon", async () => {
    const { stop } = await scenario.registered();
    const { device } = await client.cordonDevice({ deviceId: "video12", note: "dark" });
    expect(device).toMatchObject({
      healthy: false,
      reason: "cordoned",
      detail: "An operator has cordoned it.",
      cordon: { note: "dark" },
    });
    await scenario.counts(8, 7);
    await stop();
    scenario.seen.length = 0;
    scenario.startPlugin();
    await eventually(() => scenario.count("list_received") > 0, "a list");
    const lists = scenario.seen.flatMap((event) =>
      event.type === "list_received" ? [event.healthy] : [],
    );
    expect(lists).toEqual([7]);
    expect((await client.uncordonDevice({ deviceId: "video12" })).device).toMatchObject({
      healthy: true,
      reason: "ok",
    });
    await scenario.counts(8, 8);
    expect((await client.uncordonDevice({ deviceId: "video12" })).device?.healthy).toBe(true);
  });

  test("doesn't disturb the device's pod", async () => {
    await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    const { device } = await client.cordonDevice({ deviceId: "video10" });
    expect(device).toMatchObject({ reason: "cordoned", use: Use.IN_USE });
    expect(scenario.kubelet.allocations()).toEqual({ a: ["video10"] });
  });

  test("by two callers at once is kept for both", async () => {
    const { stop } = await scenario.registered();
    const others = adminClient(scenario.adminSocket);
    await Promise.all([
      client.cordonDevice({ deviceId: "video10", note: "one" }),
      others.cordonDevice({ deviceId: "video11", note: "two" }),
    ]);
    await stop();
    scenario.startPlugin();
    await served();
    const notes = (await status()).devices.flatMap(({ cordon }) => cordon?.note ?? []);
    expect(notes).toEqual(["one", "two"]);
  });

  test("that can't be stored is refused, and no device changes", async () => {
    await scenario.registered();
    rmSync(scenario.stateDir, { recursive: true });
    writeFileSync(scenario.stateDir, "no directory");
    expect(await failureOf(client.cordonDevice({ deviceId: "video10" }))).toBe(
      "FailedPrecondition cordon_not_kept",
    );
    const [device] = (await status()).devices;
    expect([device?.healthy, device?.cordon]).toEqual([true, undefined]);
  });
});

test("the use of a device that only an init container requested is not shown as free", async () => {
  await scenario.registered();
  const init = { name: "prepare", devices: 1, init: true };
  await scenario.kubelet.addPod({ name: "a", containers: [init, { name: "app" }] });
  const words = async () => {
    const { devices, kubelet } = await status();
    return devices.slice(0, 2).map((device) => deviceWords(device, kubelet).state);
  };
  await eventually(async () => (await words())[0] === "unknown", "the end of the grace time");
  expect(await words()).toEqual(["unknown", "free"]);
});

describe("an operator's reset", () => {
  test("needs force while a pod owns the device, and is counted", async () => {
    await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    const reset = (force: boolean) => client.resetDevice({ deviceId: "video10", force });
    expect(await failureOf(reset(false))).toBe("FailedPrecondition device_in_use");
    await expect(reset(false)).rejects.toThrow("The pod default/a owns video10.");
    expect((await reset(true)).device).toMatchObject({ resets: 1, use: Use.IN_USE, clean: false });
    scenario.sicken("video10", "held");
    expect(await failureOf(reset(true))).toBe("FailedPrecondition device_busy");
    expect(await failureOf(client.repairDevice({ deviceId: "video10", force: true }))).toBe(
      "FailedPrecondition device_busy",
    );
  });

  test("is reported while it runs, and not to the kubelet", async () => {
    const driver = new FakeDriver();
    const hangs = Promise.withResolvers<void>();
    driver.onReset = () => hangs.promise;
    await scenario.registered({}, { driver });
    const reset = client.resetDevice({ deviceId: "video10", force: true });
    const first = async () => (await status()).devices[0];
    while ((await first())?.work !== Work.RESET) await Bun.sleep(5);
    expect(await first()).toMatchObject({ healthy: true, reason: "ok" });
    hangs.resolve();
    await reset;
    expect((await first())?.work).toBe(Work.UNSPECIFIED);
    expect(scenario.count("list_received")).toBe(1);
  });

  test("that fails reports the reason", async () => {
    await scenario.registered();
    scenario.sicken("video11", "reset-fails");
    const reset = client.resetDevice({ deviceId: "video11", force: true });
    expect(await failureOf(reset)).toBe("Internal reset_failed");
  });

  test("or uncordon or repair of a device that needs none changes nothing, and is not counted", async () => {
    await scenario.registered();
    const deviceId = "video11";
    const repaired = await client.repairDevice({ deviceId, force: true });
    expect(repaired).toMatchObject({ unchanged: true, device: { repairs: 0 } });
    expect((await client.uncordonDevice({ deviceId })).unchanged).toBe(true);
    await client.cordonDevice({ deviceId });
    expect((await client.uncordonDevice({ deviceId })).unchanged).toBe(false);
  });

  test("or repair makes an unhealthy device healthy", async () => {
    await scenario.registered({}, { maintenanceTimes: defaultMaintenanceTimes });
    scenario.sicken("video11", "dead-caps");
    await scenario.counts(8, 7);
    const { device } = await client.repairDevice({ deviceId: "video11", force: true });
    // By this call, or by the plugin just before.
    expect(device).toMatchObject({ healthy: true, repairs: 1 });
    await scenario.counts(8, 8);
  });
});

describe("a watch", () => {
  test("receives the status at once and after each change, and ends with the plugin", async () => {
    const { stop } = await scenario.registered();
    const reasons: string[] = [];
    const watching = (async () => {
      for await (const { status: seen } of client.watchStatus({})) {
        reasons.push(seen?.devices[0]?.reason ?? "");
      }
    })().catch(() => undefined);
    await eventually(() => reasons.at(-1) === "ok", "the first status");
    await client.cordonDevice({ deviceId: "video10" });
    await eventually(() => reasons.at(-1) === "cordoned", "the cordon");
    await client.uncordonDevice({ deviceId: "video10" });
    await eventually(() => reasons.at(-1) === "ok", "the uncordon");
    await stop();
    await watching;
  });

  test("receives many changes in few statuses", async () => {
    await scenario.registered();
    let statuses = 0;
    const end = new AbortController();
    const watching = (async () => {
      for await (const _ of client.watchStatus({}, { signal: end.signal })) statuses++;
    })().catch(() => undefined);
    await eventually(() => statuses > 0, "the first status");
    const started = performance.now();
    for (let n = 0; n < 100; n++) {
      await client.cordonDevice({ deviceId: "video10", note: `${n}` });
    }
    await Bun.sleep(250);
    await eventually(() => statuses > 1, "a status of the changes");
    expect(statuses).toBeLessThanOrEqual(2 + (performance.now() - started) / 100);
    end.abort();
    await watching;
  });

  test("delays nothing, even with the most watchers and none of them reading", async () => {
    const { plugin } = await scenario.registered();
    const made = countCalls(plugin.actions, "status");
    const sockets = Array.from({ length: maxWatches }, () => unread(scenario.adminSocket));
    try {
      await eventually(() => made() >= maxWatches, "the first statuses");
      // Each cordon causes two statuses; once only these are sent, every writer waits.
      const cordons = 5;
      let others = Number.POSITIVE_INFINITY;
      const end = performance.now() + 20_000;
      for (let note = 0; others > 0 && performance.now() < end; ) {
        const before = made();
        for (let n = 0; n < cordons; n++) {
          await client.cordonDevice({ deviceId: "video10", note: "x".repeat(200 - (note++ % 2)) });
        }
        await Bun.sleep(250);
        others = made() - before - 2 * cordons;
      }
      expect(others).toBe(0);

      const pod = scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
      expect((await pod).phase).toBe("Running");
      const { device } = await client.cordonDevice({ deviceId: "video17" });
      expect(device?.reason).toBe("cordoned");
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test("is refused beyond a limit, and possible again when others have ended", async () => {
    await scenario.registered();
    const end = new AbortController();
    const open = () => client.watchStatus({}, { signal: end.signal })[Symbol.asyncIterator]();
    const watches = Array.from({ length: 32 }, open);
    await Promise.all(watches.map((watch) => watch.next()));
    expect(await failureOf(open().next())).toBe("ResourceExhausted too_many_watches");
    end.abort();
    await Promise.allSettled(watches.map((watch) => watch.next()));
    const again = async () => {
      const stop = new AbortController();
      const watch = client.watchStatus({}, { signal: stop.signal })[Symbol.asyncIterator]();
      const failure = await failureOf(watch.next());
      stop.abort();
      return failure;
    };
    await eventually(async () => (await again()) === undefined, "a watch");
  });

  test("stays open while it is quiet", async () => {
    await scenario.registered();
    const received: unknown[] = [];
    let ended = false;
    const end = new AbortController();
    const watching = (async () => {
      for await (const one of client.watchStatus({}, { signal: end.signal })) received.push(one);
    })()
      .catch(() => undefined)
      .finally(() => {
        ended = true;
      });
    // By default Bun closes a connection that is quiet for 10 s, and the client notices at 12 s.
    await Bun.sleep(14_000);
    expect(ended).toBe(false);
    const before = received.length;
    await client.cordonDevice({ deviceId: "video17", note: "late" });
    await eventually(() => received.length > before, "the change");
    end.abort();
    await watching;
  }, 30_000);
});

/** The limit of concurrent watches. */
const maxWatches = 32;

/** A watch whose answer is never read. */
function unread(socketPath: string): Socket {
  const socket = connect(socketPath).pause();
  socket.on("error", () => undefined);
  const body = Buffer.from("\0\0\0\0\x02{}");
  socket.write(
    `POST ${service}/WatchStatus HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  socket.write(body);
  return socket;
}

/** Counts the calls of a method from now on. */
function countCalls<K extends string>(target: Record<K, () => unknown>, name: K): () => number {
  let calls = 0;
  const call = target[name].bind(target);
  target[name] = () => {
    calls++;
    return call();
  };
  return () => calls;
}

/** The status line of the answer to an unusual request. */
function firstLine(socketPath: string, head: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(socketPath, () => socket.write(head));
  socket.on("error", () => resolve("an error"));
  socket.on("close", () => resolve("an end"));
  socket.once("data", (data) => {
    resolve(data.toString().split("\r\n")[0] ?? "");
    socket.destroy();
  });
  return promise;
}

function levelControl(level: LogLevelControl["level"]): LogLevelControl {
  const control = {
    level,
    setLevel: (next: typeof level) => {
      control.level = next;
    },
  };
  return control;
}
