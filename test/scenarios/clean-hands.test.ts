import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { PluginError } from "../../src/common/plugin-error.ts";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { numbersHeldBefore } from "../../src/plugin/held-before.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { CameraFiles } from "./camera-files.ts";
import { eventually, quickCareTimes, type RunningPlugin, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

const { graceMs, pollMs, reallocateMs, restartGraceMs } = quickCareTimes;
/** Long enough for whatever the caretaker would do on its own. */
const aWhile = graceMs + 4 * pollMs;

function cameras(count = 8, there = false): CameraFiles {
  return new CameraFiles(scenario.simulatedDir, count, there);
}

async function started(driver: CameraFiles): Promise<RunningPlugin> {
  const plugin = scenario.startPlugin({ "max-devices": String(driver.devices.length) }, driver);
  if (!scenario.kubelet.running) await scenario.kubelet.start();
  await scenario.counts(driver.devices.length, driver.devices.length);
  return plugin;
}

const pod = (name: string) =>
  scenario.kubelet.addPod({ name, containers: [{ name: "c", devices: 1 }] });

/** Allocate as the kubelet calls it, with the status of a refusal. */
async function allocate(id: string): Promise<Code | undefined> {
  const transport = createSocketTransport(scenario.socketPath());
  try {
    const client = createClient(DevicePlugin, transport);
    await client.allocate({ containerRequests: [{ devicesIds: [id] }] });
    return undefined;
  } catch (error) {
    return ConnectError.from(error).code;
  } finally {
    transport.close();
  }
}

describe("a device after its pod", () => {
  test("is reset within the grace time and a poll, unseen by the kubelet", async () => {
    const driver = cameras();
    await started(driver);
    await pod("a");
    driver.write("video10", "frame of a");
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    const lists = scenario.count("list_received");
    scenario.kubelet.removePod("a");
    const ended = performance.now();
    await eventually(() => driver.resets.length > 0, "the reset");
    const took = performance.now() - ended;
    expect(took).toBeGreaterThanOrEqual(graceMs - pollMs);
    expect(took).toBeLessThan(graceMs + 3 * pollMs);
    expect(driver.read("video10")).toBe("");
    expect(driver.resets).toEqual(["video10"]);
    expect(scenario.count("list_received")).toBe(lists);
  });

  test("is not reset while somebody holds it open, and is when nobody does", async () => {
    const driver = cameras();
    await started(driver);
    await pod("a");
    driver.open?.add("video10");
    scenario.kubelet.removePod("a");
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    driver.open?.delete("video10");
    await eventually(() => driver.resets.length === 1, "the reset");
  });

  test("is reset in Allocate for the next pod, if that comes sooner", async () => {
    const driver = cameras(1);
    await started(driver);
    await pod("a");
    driver.write("video10", "frame of a");
    await Bun.sleep(reallocateMs + 10);
    scenario.kubelet.removePod("a");
    const next = await pod("b");
    expect(next.phase).toBe("Running");
    expect(driver.resets).toEqual(["video10"]);
    expect(driver.read("video10")).toBe("");
  });

  test("is clean for each of many pods that follow each other", async () => {
    const driver = cameras(1);
    await started(driver);
    for (let n = 0; n < 10; n++) {
      expect((await pod(`pod-${n}`)).phase).toBe("Running");
      expect(driver.read("video10")).toBe("");
      driver.write("video10", `frame of pod-${n}`);
      await Bun.sleep(reallocateMs + (n % 3) * 20);
      scenario.kubelet.removePod(`pod-${n}`);
    }
    expect(driver.resets.length).toBeGreaterThanOrEqual(9);
  });

  test("is not reset between an init container and the app container that takes it over", async () => {
    const driver = cameras(8, true);
    await started(driver);
    await scenario.kubelet.addPod({
      name: "a",
      containers: [
        { name: "prepare", devices: 1, init: true },
        { name: "app", devices: 1 },
      ],
    });
    expect(scenario.count("allocated")).toBe(2);
    expect(driver.resets.filter((id) => id === "video10")).toEqual(["video10"]);
  });
});

describe("a plugin that starts anew", () => {
  test("cleans what nobody has, and leaves alone what pods have", async () => {
    const before = cameras();
    const first = await started(before);
    await pod("a");
    await first.stop();
    before.write("video10", "frame of a");
    before.write("video15", "of long ago");
    const driver = cameras(8, true);
    await started(driver);
    await eventually(() => driver.resets.length === 7, "seven resets");
    await Bun.sleep(aWhile);
    expect(driver.resets).not.toContain("video10");
    expect(new Set(driver.resets).size).toBe(7);
    expect(driver.read("video10")).toBe("frame of a");
    expect(driver.read("video15")).toBe("");
  });

  test("cleans no device on a guess: without pod-resources only when it is given away", async () => {
    scenario = await withoutPodResources(scenario);
    const driver = cameras(8, true);
    await started(driver);
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    await pod("a");
    expect(driver.resets).toEqual(["video10"]);
  });
});

describe("Allocate of a device that isn't known to be clean", () => {
  test("is refused while its reset fails, and the device goes out of the offer until it works", async () => {
    const driver = cameras(1, true);
    const { log } = await started(driver);
    const works = driver.onReset;
    driver.onReset = async () => {
      throw new PluginError("reset_failed", "it is stuck");
    };
    for (let n = 0; n < 3; n++) {
      if (scenario.kubelet.resources().allocatable === 1) await allocate("video10");
    }
    await scenario.counts(1, 0);
    expect(await allocate("video10")).toBe(Code.FailedPrecondition);
    const held = log.lines.find(({ fields }) => fields["error_code"] === "reset_failed");
    expect(held?.fields["error"]).toBe("it is stuck");
    await Bun.sleep(600);
    // 50 ms, doubled after each failure, at least half of it: five tries at most in that time.
    expect(driver.resets.length).toBeLessThanOrEqual(3 + 5);
    expect(scenario.count("list_received")).toBe(2);
    driver.onReset = works;
    await scenario.counts(1, 1);
    expect(await allocate("video10")).toBeUndefined();
  });

  test("is refused when the reset hangs, at the cap, and other devices are given meanwhile", async () => {
    const driver = cameras(2);
    await started(driver);
    await pod("a");
    await Bun.sleep(reallocateMs + 10);
    scenario.kubelet.removePod("a");
    const hang = Promise.withResolvers<void>();
    driver.onReset = () => hang.promise;
    const before = performance.now();
    const refused = allocate("video10");
    expect(await allocate("video11")).toBeUndefined();
    expect(await refused).toBe(Code.Unavailable);
    expect(performance.now() - before).toBeLessThan(quickCareTimes.claimMs + 200);
    hang.resolve();
    await eventually(() => driver.resets.length === 1, "the reset");
    expect(await allocate("video10")).toBeUndefined();
  });

  test("is refused while somebody who is no pod holds it open", async () => {
    const driver = cameras(8, true);
    await started(driver);
    driver.open?.add("video12");
    expect(await allocate("video12")).toBe(Code.FailedPrecondition);
    driver.open?.delete("video12");
    expect(await allocate("video12")).toBeUndefined();
  });

  test("answers from memory on a node where devices can't be reset, which is told once", async () => {
    const driver = cameras(8, true);
    driver.canReset = false;
    const { log } = await started(driver);
    expect(await allocate("video10")).toBeUndefined();
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    const told = log.lines.filter(({ msg }) => msg.startsWith("Devices can't be cleaned"));
    expect(told.map(({ level }) => level)).toEqual(["warn"]);
  });
});

describe("a kubelet that restarts", () => {
  test("costs no running pod its device", async () => {
    const driver = cameras();
    await started(driver);
    await pod("a");
    driver.write("video10", "frame of a");
    await Bun.sleep(2 * pollMs);
    scenario.kubelet.stop();
    await Bun.sleep(2 * pollMs);
    await scenario.kubelet.start({ podsAfter: () => Bun.sleep(restartGraceMs / 2) });
    await scenario.counts(8, 8);
    await Bun.sleep(restartGraceMs + aWhile);
    expect(driver.resets).toEqual([]);
    scenario.kubelet.removePod("a");
    await eventually(() => driver.resets.length === 1, "the reset");
  });

  test("after its pod has ended delays the cleaning, no more", async () => {
    const driver = cameras();
    await started(driver);
    await pod("a");
    await Bun.sleep(2 * pollMs);
    scenario.kubelet.removePod("a");
    await scenario.kubelet.restart();
    await eventually(() => driver.resets.length === 1, "the reset");
    expect(driver.resets).toEqual(["video10"]);
  });
});

describe("healing", () => {
  test("repairs dead capabilities of a device when its pod has gone", async () => {
    const driver = cameras();
    await started(driver);
    await pod("a");
    await Bun.sleep(2 * pollMs);
    driver.set("video10", "dead_caps");
    driver.nudge();
    await scenario.counts(8, 7);
    await Bun.sleep(aWhile);
    expect(driver.calls).not.toContain("repair video10");
    scenario.kubelet.removePod("a");
    await scenario.counts(8, 8);
    await eventually(() => driver.resets.length === 1, "the reset after it");
    expect(driver.calls.filter((call) => /^re(pair|set)/.test(call))).toEqual([
      "repair video10",
      "reset video10",
    ]);
  });

  test("resets what a writer left marked, when nobody has it", async () => {
    const driver = cameras();
    await started(driver);
    await Bun.sleep(aWhile);
    const works = driver.onReset;
    driver.onReset = async (id) => {
      await works(id);
      driver.set(id, "ok");
    };
    driver.set("video13", "stuck_writer");
    driver.nudge();
    await eventually(() => driver.resets.includes("video13"), "the reset");
    await scenario.counts(8, 8);
  });

  test("moves a device that is at another's number only when nobody has it", async () => {
    const driver = cameras();
    await started(driver);
    await pod("a");
    await Bun.sleep(2 * pollMs);
    driver.calls.length = 0;
    driver.set("video10", "wrong_number");
    driver.nudge();
    await Bun.sleep(aWhile);
    expect(driver.calls).not.toContain("ensure");
    scenario.kubelet.removePod("a");
    await Bun.sleep(aWhile);
    driver.nudge();
    await eventually(() => driver.calls.includes("ensure"), "the move");
  });
});

describe("fewer devices than before", () => {
  test("keep listed what a pod still has, and give it to nobody after that pod", async () => {
    const first = await started(cameras());
    for (const name of ["a", "b", "c", "d", "e"]) await pod(name);
    for (const name of ["a", "b", "c", "d"]) scenario.kubelet.removePod(name);
    const options = { "max-devices": "4" };
    const log = recordingLogger();
    expect(await numbersHeldBefore(scenario.config(options), { log })).toEqual([14]);
    await first.stop();

    const driver = cameras(5, true);
    const { plugin } = scenario.startPlugin(options, driver);
    await scenario.counts(5, 5);
    await Bun.sleep(aWhile);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 5, allocatable: 5 });
    scenario.kubelet.removePod("e");
    await scenario.counts(5, 4);
    expect(plugin.pool.get("video14")).toMatchObject({ health: "Unhealthy", reason: "retired" });
    await Bun.sleep(aWhile);
    expect(driver.resets).not.toContain("video14");
    expect(scenario.kubelet.resources()).toEqual({ capacity: 5, allocatable: 4 });
  });
});

describe("a stop", () => {
  const removing = { "remove-devices-on-exit": "true" };
  const removed = (driver: CameraFiles) =>
    driver.calls.filter((call) => call.startsWith("remove ")).map((call) => call.slice(7));

  test("touches no device by default", async () => {
    const driver = cameras();
    const plugin = await started(driver);
    driver.calls.length = 0;
    await plugin.stop();
    expect(driver.calls.filter((call) => !/^(inspect|ensure)/.test(call))).toEqual([]);
  });

  test("removes what this process made and nobody uses, where it is told to", async () => {
    const driver = cameras();
    const plugin = scenario.startPlugin(removing, driver);
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    await pod("a");
    driver.open?.add("video13");
    await plugin.stop();
    expect(removed(driver)).toEqual([
      "video11",
      "video12",
      "video14",
      "video15",
      "video16",
      "video17",
    ]);
  });

  test("removes nothing that was there before, and nothing on a guess", async () => {
    const adopted = cameras(8, true);
    const first = scenario.startPlugin(removing, adopted);
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    await first.stop();
    expect(removed(adopted)).toEqual([]);
    const made = cameras();
    const second = scenario.startPlugin(removing, made);
    await scenario.counts(8, 8);
    scenario.kubelet.stop();
    await second.stop();
    expect(removed(made)).toEqual([]);
  });
});

/** A node where the plugin can't see the pod-resources socket. */
async function withoutPodResources(old: Scenario): Promise<Scenario> {
  await old.close();
  const fresh = new Scenario();
  const config = fresh.config.bind(fresh);
  fresh.config = (options) =>
    config({ "pod-resources-socket": "/nowhere/kubelet.sock", ...options });
  rmSync(old.directory, { recursive: true, force: true });
  return fresh;
}
