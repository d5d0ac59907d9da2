import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { patienceMs } from "../support/eventually.ts";
import { eventually, impatientTimes, quickTimes, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

/** Leaves a socket file behind that no process listens on. */
async function abandonSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await Bun.spawn([process.execPath, "-e", script]).exited;
}

describe("starting up", () => {
  test("waits for a kubelet whose directory is missing", async () => {
    const { log, plugin } = scenario.startPlugin();
    await eventually(() => plugin.status().reason === "kubelet_absent", "the wait");
    await Bun.sleep(300);
    expect(plugin.status()).toMatchObject({ registered: false, reason: "kubelet_absent" });
    expect(log.lines.filter(({ msg }) => msg === "Waiting for the kubelet")).toHaveLength(1);
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
  });

  test("warns once of devices that many programs don't find, unless containers have them elsewhere", async () => {
    const hidden = async (options: Record<string, string>) => {
      const { log } = await scenario.registered({ "first-device-number": "60", ...options });
      return log.lines.filter(({ msg }) => msg === "Devices hidden from many programs");
    };
    expect(await hidden({})).toMatchObject([
      { fields: { device_ids: ["video64", "video65", "video66", "video67"] } },
    ]);
    await scenario.close();
    scenario = new Scenario();
    expect(await hidden({ "container-device-path": "/dev/video{index}" })).toEqual([]);
  });

  test("waits at a stale kubelet socket and registers when a kubelet listens", async () => {
    mkdirSync(scenario.dir);
    await abandonSocket(scenario.kubelet.socket);
    const { plugin } = scenario.startPlugin();
    await eventually(() => plugin.status().reason === "kubelet_refusing", "the wait");
    await Bun.sleep(300);
    expect(plugin.status()).toMatchObject({ registered: false, reason: "kubelet_refusing" });
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
  });

  test("removes the sockets of dead instances", async () => {
    await scenario.kubelet.start();
    const stale = join(scenario.dir, "video-device-plugin-1-deadbeef.sock");
    const original = join(scenario.dir, "video-device-plugin.sock");
    await abandonSocket(stale);
    await abandonSocket(original);
    scenario.startPlugin();
    await scenario.counts(8, 8);
    expect([existsSync(stale), existsSync(original)]).toEqual([false, false]);
  });

  test("does not register twice when file events come late", async () => {
    await scenario.registered();
    for (let n = 0; n < 20; n++) {
      writeFileSync(join(scenario.dir, `kubelet.sock.${n}`), "");
      await Bun.sleep(10);
    }
    await Bun.sleep(300);
    expect(scenario.count("register_received")).toBe(1);
  });

  test("does not register twice when the kubelet's socket file is removed and comes back", async () => {
    await scenario.registered();
    await scenario.kubelet.recreateSocket("same");
    await Bun.sleep(1000);
    expect(scenario.count("register_received")).toBe(1);
  });

  test("does not register twice at once when the same kubelet creates its socket again", async () => {
    await scenario.registered();
    const madeAt = scenario.kubelet.events.elapsedMs();
    await scenario.kubelet.recreateSocket("new");
    // The stream may be that of a kubelet that has ended, so after a grace time the registration is replaced.
    await eventually(() => scenario.count("registered") === 2, "a second registration");
    const [, again] = scenario.seen.filter(({ type }) => type === "register_received");
    expect((again?.atMs ?? 0) - madeAt).toBeGreaterThan(quickTimes.replacedGraceMs - 10);
    await scenario.counts(8, 8);
    expect(scenario.kubelet.streams.map(({ count }) => count)).toEqual([1]);
  });

  test("abandons a call that is never answered when a kubelet replaces the socket", async () => {
    mkdirSync(scenario.dir);
    const mute = createServer(() => undefined).listen(scenario.kubelet.socket);
    const { plugin } = scenario.startPlugin({}, { registrationTimes: impatientTimes });
    await eventually(() => scenario.sockets().length === 1, "a socket");
    await Bun.sleep(200);
    expect(plugin.status().registered).toBe(false);
    mute.close();
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
  });

  test("abandons a Register that the kubelet does not answer in time, and retries", async () => {
    scenario.kubelet.faults.holdRegister = true;
    await scenario.kubelet.start();
    const { log } = scenario.startPlugin({}, { registrationTimes: impatientTimes });
    await eventually(() => scenario.sockets().length === 1, "a socket");
    const held = scenario.sockets();
    await eventually(
      () => log.lines.some(({ msg }) => msg === "Registration failed"),
      "the deadline",
    );
    expect(scenario.sockets()).not.toEqual(held);
    scenario.kubelet.faults.holdRegister = false;
    await scenario.counts(8, 8);
  });

  test("logs the kubelet's message when it rejects Register, and retries with growing delays", async () => {
    scenario.kubelet.faults.refuseRegister = "the ResourceName is taken by a dragon";
    await scenario.kubelet.start();
    const { log } = scenario.startPlugin();
    await eventually(() => scenario.count("register_received") === 3, "three attempts");
    const failures = log.lines.filter(({ msg }) => msg === "Registration failed");
    expect(failures[0]?.fields).toMatchObject({
      step: "register",
      error: "the ResourceName is taken by a dragon",
      attempt: 1,
    });
    scenario.kubelet.faults.refuseRegister = undefined;
    await scenario.counts(8, 8);
  });

  test("uses another socket for each retry", async () => {
    scenario.kubelet.faults.refuseRegister = "not you";
    await scenario.kubelet.start();
    scenario.startPlugin();
    await eventually(() => scenario.count("register_received") === 3, "three attempts");
    scenario.kubelet.faults.refuseRegister = undefined;
    await scenario.counts(8, 8);
    const endpoints = scenario.seen.flatMap((event) =>
      event.type === "register_received" ? [event.endpoint] : [],
    );
    expect(endpoints.length).toBeGreaterThan(3);
    expect(new Set(endpoints).size).toBe(endpoints.length);
    expect(scenario.sockets()).toEqual(endpoints.slice(-1));
  });

  test("offers the devices under the configured resource name", async () => {
    await scenario.kubelet.start();
    scenario.startPlugin({ "resource-name": "example.com/cameras" });
    await scenario.kubelet.until(
      () => scenario.kubelet.resources("example.com/cameras").allocatable === 8,
      patienceMs,
      "8 cameras",
    );
  });

  test("accepts a stream that opens before Register is answered", async () => {
    const { plugin } = await scenario.registered();
    expect(plugin.status()).toMatchObject({ registered: true, streams: 1 });
    expect(scenario.count("register_received")).toBe(1);
  });

  test("registers with all devices unhealthy when none can be created, and repairs them", async () => {
    for (let n = 10; n < 18; n++) scenario.sicken(`video${n}`, "create-fails");
    scenario.startPlugin();
    await scenario.kubelet.start();
    await scenario.counts(8, 0);
    for (let n = 10; n < 18; n++) scenario.heal(`video${n}`, "create-fails");
    await scenario.counts(8, 8);
  });

  test("registers again when the kubelet accepts but never opens its stream", async () => {
    scenario.kubelet.faults.omitListAndWatch = true;
    await scenario.kubelet.start();
    const { plugin } = scenario.startPlugin({}, { registrationTimes: impatientTimes });
    await eventually(() => scenario.count("registered") >= 2, "a second try");
    expect(plugin.status().registered).toBe(false);
    scenario.kubelet.faults.omitListAndWatch = false;
    await scenario.counts(8, 8);
  });
});
