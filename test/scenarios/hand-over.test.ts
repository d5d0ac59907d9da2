import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { ConnectError, createClient } from "@connectrpc/connect";
import { readBootId } from "../../src/common/boot-id.ts";
import { letStandbyRegister } from "../../src/device-plugin/hand-over.ts";
import { defaultStandbyTimes } from "../../src/device-plugin/standby.ts";
import { defaultMaintenanceTimes } from "../../src/devices/maintenance/maintenance-times.ts";
import type { LeaveOptions, VideoDriver } from "../../src/drivers/driver.ts";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { HandOverService } from "../../src/gen/videodevice/handover/v1/hand_over_pb.ts";
import { codeName } from "../../src/grpc/server.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { FileLock } from "../../src/linux/file-lock.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { writeHandOver } from "../../src/plugin/hand-over-note.ts";
import { behaviourOf } from "../../src/simulator/behaviour.ts";
import { eventually, quickTimes, type RunningPlugin, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario("1.37");
});
afterEach(() => scenario.close());

type Options = Parameters<Scenario["startPlugin"]>[0];
type Parts = Parameters<Scenario["startPlugin"]>[1];

const resource = "meeting-baas.io/video-devices";
const slowCleaning = { maintenanceTimes: defaultMaintenanceTimes };
const lockFile = () => join(scenario.stateDir, "meeting-baas.io_video-devices.lock");
const said = ({ log }: RunningPlugin, msg: string) => log.lines.filter((line) => line.msg === msg);
const hidden = () => readdirSync(scenario.dir).filter((name) => name.startsWith(".video"));
const orderOf = () =>
  scenario.seen
    .map(({ type }) => type)
    .filter((type) => ["stream_ended", "register_received", "list_received"].includes(type));

/** Starts an instance beside one that has the lock, and waits until it could register. */
async function standby(parts: Parts = {}, options: Options = {}): Promise<RunningPlugin> {
  const before = hidden().length;
  const next = scenario.startPlugin(options, { ...slowCleaning, ...parts });
  await eventually(
    () => next.plugin.inventory.list().every(({ reason }) => reason !== "unknown"),
    "its inspection",
  );
  await eventually(() => hidden().length === before + 1, "its hidden socket");
  return next;
}

/** The lock of an instance that this test plays: what it does at its end is up to the test. */
async function heldLock(options: Options = {}, podDevices = 0): Promise<FileLock> {
  // Its devices are there.
  const last = await scenario.registered(options, slowCleaning);
  if (podDevices > 0) expect((await runPod("a", podDevices)).phase).toBe("Running");
  await last.stop();
  scenario.seen.length = 0;
  const lock = new FileLock(lockFile(), linuxCalls());
  expect(lock.tryLock()).toBe(true);
  return lock;
}

/** The answer of the instance with that socket when it is asked to register. */
async function ask(socketPath: string): Promise<string> {
  const transport = createSocketTransport(socketPath);
  try {
    await createClient(HandOverService, transport).takeOver({});
    return "ok";
  } catch (reason) {
    return codeName(ConnectError.from(reason).code);
  } finally {
    transport.close();
  }
}

const askStandby = () =>
  letStandbyRegister(join(scenario.dir, "video-device-plugin.sock"), resource, 60_000);
const runPod = (name: string, devices = 1) =>
  scenario.kubelet.addPod({ name, containers: [{ name: "c", devices }] });

describe("the devices of an instance that ends", () => {
  /** With what the driver is asked to leave them. */
  const leaves: (LeaveOptions | undefined)[] = [];
  const driver = () => {
    const made: VideoDriver = scenario.driver();
    made.leave = async (options) => void leaves.push(options);
    return made;
  };
  afterEach(() => void leaves.splice(0));

  test.each(["1.36", "1.37"] as const)("are left to a standby: kubelet %s", async (version) => {
    scenario.kubelet.behaviour = behaviourOf(version);
    const old = await scenario.registered({}, { ...slowCleaning, driver: driver() });
    const next = await standby();
    await old.stop();
    expect(leaves).toEqual([{ hasSuccessor: true }]);
    await eventually(() => next.plugin.status().registered, "the registration");
  });

  test("are left at once where none stands by", async () => {
    const old = await scenario.registered({}, { ...slowCleaning, driver: driver() });
    await old.stop();
    expect(leaves).toEqual([{ hasSuccessor: false }]);
  });
});

describe("a hand-over at a kubelet that keeps the newer of two instances", () => {
  test("never leaves it without one", async () => {
    const old = await scenario.registered({}, slowCleaning);
    const next = await standby();
    scenario.seen.length = 0;
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    expect(orderOf()).toEqual(["register_received", "list_received", "stream_ended"]);
    expect(scenario.count("endpoint_stopped")).toBe(0);
    expect((await runPod("a", 8)).phase).toBe("Running");
  });

  test("has every pod run that starts meanwhile", async () => {
    // Patient ones: on a machine this busy each of the limits may pass, and then a pod may be refused.
    const patient = {
      registrationTimes: { ...quickTimes, standbyMs: 60_000 },
      standbyTimes: { ...defaultStandbyTimes, besideMs: 60_000 },
    };
    let serving = await scenario.registered({}, { ...slowCleaning, ...patient });
    for (let round = 0; round < 3; round++) {
      const next = await standby(patient);
      const registrations = scenario.count("register_received");
      let isOver = false;
      const ended = serving.stop().finally(() => {
        isOver = true;
      });
      let pods = 0;
      while (!isOver || pods < 10) {
        const name = `pod-${round}-${pods++}`;
        const { phase, message } = await runPod(name);
        expect({ phase, message }).toEqual({ phase: "Running", message: undefined });
        scenario.kubelet.removePod(name);
      }
      await ended;
      expect(scenario.count("register_received")).toBe(registrations + 1);
      serving = next;
    }
    expect(scenario.count("endpoint_stopped")).toBe(0);
  });

  test("keeps what is offered if one device is faulty, or the new instance has to create some", async () => {
    const old = await scenario.registered({}, slowCleaning);
    scenario.sicken("video12");
    await scenario.counts(8, 7);
    const next = await standby({}, { "max-devices": "10" });
    scenario.seen.length = 0;
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(10, 9);
    const lists = scenario.seen.flatMap((event) =>
      event.type === "list_received" ? [event.healthy] : [],
    );
    expect(Math.min(...lists)).toBe(7);
    expect(scenario.count("endpoint_stopped")).toBe(0);
  });

  test("comes after the old stream's end if the new instance finds none of its devices", async () => {
    const old = await scenario.registered({}, slowCleaning);
    const next = await standby({}, { "first-device-number": "30" });
    scenario.seen.length = 0;
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(8, 8);
    expect(orderOf().slice(0, 2)).toEqual(["stream_ended", "register_received"]);
  });

  test("ends as before if the standby can't register, or does not answer", async () => {
    const registrationTimes = { ...quickTimes, standbyMs: 500 };
    const old = await scenario.registered({}, { ...slowCleaning, registrationTimes });
    // A standby of a version without the service resets the stream; one that hangs answers nothing.
    const paths = ["a", "b"].map((end) => {
      return join(scenario.dir, `.video-device-plugin-38142f-77-abcdefg${end}.sock`);
    });
    const [closes, hangs] = [createServer((socket) => socket.destroy()), createServer()];
    closes.listen(paths[0]);
    hangs.listen(paths[1]);
    try {
      const since = performance.now();
      await old.stop();
      // Its stop without a standby, and the time for the one that hangs.
      expect(performance.now() - since).toBeLessThan(10_000);
      expect(scenario.count("stream_ended")).toBe(1);
      expect(readFileSync(lockFile(), "utf8")).toContain("video10");
    } finally {
      closes.close();
      hangs.close();
    }
  });

  test("removes no devices before a standby has registered, if they end with the instance", async () => {
    const old = await scenario.registered({ "remove-devices-on-exit": "true" }, slowCleaning);
    const next = await standby();
    scenario.seen.length = 0;
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(8, 8);
    expect(orderOf().slice(0, 2)).toEqual(["stream_ended", "register_received"]);
  });
});

describe("a standby that is asked to register", () => {
  test("refuses while no other instance has the lock", async () => {
    await scenario.registered({}, slowCleaning);
    expect(await ask(scenario.socketPath())).toBe("failed_precondition");
    expect(scenario.count("register_received")).toBe(1);
  });

  test.each([
    ["", {}, ["/dev/video10"]],
    [" for ready cameras", { "ready-cameras": "true" }, ["/dev/video10", "/dev/feed0"]],
  ])(
    "holds the kubelet's calls%s until it has the lock and the note",
    async (_, options, paths) => {
      const lock = await heldLock(options);
      const next = await standby({}, options);
      expect(await askStandby()).toBe(true);
      await scenario.counts(8, 8);
      expect(next.plugin.status().reason).toBe("standby");
      const transport = createSocketTransport(scenario.socketPath());
      const kubelet = createClient(DevicePlugin, transport);
      let isAnswered = false;
      const answer = kubelet
        .allocate({ containerRequests: [{ devicesIds: ["video10"] }] })
        .finally(() => {
          isAnswered = true;
        });
      // On the same connection: when this one is answered, that one has come.
      await kubelet.getDevicePluginOptions({});
      expect(isAnswered).toBe(false);
      const clean = next.plugin.inventory.identities();
      const note = { driver: "simulated", bootId: readBootId(), clean, unlisted: new Map() };
      lock.leaveNote(writeHandOver(note));
      lock.release();
      const [container, ...others] = (await answer).containerResponses;
      expect(others).toEqual([]);
      expect(container?.devices.map(({ containerPath }) => containerPath)).toEqual(paths);
      transport.close();
      expect(said(next, "Device reset")).toEqual([]);
      expect(scenario.count("register_received")).toBe(1);
    },
  );

  test("refuses if it can't list what a pod owns, and takes over once that pod has ended", async () => {
    const lock = await heldLock({}, 8);
    const standbyTimes = { ...defaultStandbyTimes, besideMs: 3_600_000 };
    const next = await standby({ standbyTimes }, { "max-devices": "4" });
    expect(await askStandby()).toBe(false);
    scenario.kubelet.removePod("a");
    lock.release();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(4, 4);
  });

  test("takes over at once from an instance that is killed then", async () => {
    const lock = await heldLock();
    const next = await standby({
      // A wait for the old stream's end would not end.
      standbyTimes: { ...defaultStandbyTimes, settleMs: 3_600_000 },
    });
    expect(await askStandby()).toBe(true);
    lock.release();
    await eventually(() => next.plugin.status().registered, "the take-over");
    expect((await runPod("a", 8)).phase).toBe("Running");
    expect(scenario.count("register_received")).toBe(1);
  });

  test("ends its registration if the lock does not come, and takes over when it does", async () => {
    const lock = await heldLock();
    const next = await standby({ standbyTimes: { ...defaultStandbyTimes, besideMs: 200 } });
    expect(await askStandby()).toBe(true);
    await eventually(
      () => said(next, "The last instance still serves").length === 1,
      "the warning",
    );
    await scenario.counts(8, 0);
    expect(next.plugin.status().reason).toBe("standby");
    lock.release();
    await eventually(() => next.plugin.status().registered, "the take-over");
    await scenario.counts(8, 8);
    expect((await runPod("a", 8)).phase).toBe("Running");
  });

  test("gets the lock, also if another standby finds it free first", async () => {
    const lock = await heldLock();
    const next = await standby({ standbyTimes: { ...defaultStandbyTimes, lockMs: 500 } });
    const [socket = ""] = hidden();
    const other = await standby();
    expect(await ask(join(scenario.dir, socket))).toBe("ok");
    const clean = next.plugin.inventory.identities();
    const note = { driver: "simulated", bootId: readBootId(), clean, unlisted: new Map() };
    lock.leaveNote(writeHandOver(note));
    lock.release();
    await eventually(() => next.plugin.status().registered, "the take-over");
    expect(other.plugin.status().reason).toBe("standby");
    const [line] = said(next, "Clean devices known from the last instance");
    expect(line?.fields["device_ids"]).toEqual([...clean.keys()]);
  });

  test("registers again at once if the kubelet ends both streams all the same", async () => {
    // A kubelet of 1.36 with a later grpc-go, by which it looks like one of 1.37.
    scenario.kubelet.behaviour = { ...behaviourOf("1.36"), grpcGo: "1.81.0" };
    const old = await scenario.registered({}, slowCleaning);
    const next = await standby({ registrationTimes: { ...quickTimes, settleMs: 3_600_000 } });
    scenario.seen.length = 0;
    await old.stop();
    await eventually(() => scenario.count("register_received") === 2, "the second registration");
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(8, 8);
    expect((await runPod("a", 8)).phase).toBe("Running");
    expect(said(next, "Registration ended").map(({ level }) => level)).toEqual(["info"]);
  });
});
