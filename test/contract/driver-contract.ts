/**
 * What every {@link VideoDriver} must do, as plain functions: `driver-contract.test.ts` runs them under `bun test` with
 * the simulated driver and with the loopback driver on a fake kernel, `driver-contract.e2e.ts` in a virtual machine with
 * the real module.
 */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { chmodSync, statSync } from "node:fs";
import { PluginError } from "../../src/common/plugin-error.ts";
import {
  type DeviceObservation,
  okObservation,
  type VideoDriver,
} from "../../src/drivers/driver.ts";
import { bestOf } from "../support/best-of.ts";
import { eventually } from "../support/eventually.ts";
import { makeDevices } from "../support/make-devices.ts";

/** A driver that was not called yet, and what can happen to its devices from outside. */
export interface DriverHarness {
  /** Has at least two devices, none of which exists yet unless the driver {@link finds} them. */
  readonly driver: VideoDriver;
  /** The permission bits that its nodes should have. */
  readonly mode: number;
  /** Where this process sees a device's node. */
  nodePath(id: string): string;
  /** Removes a device behind the driver's back, or where that can't be done its node alone. */
  deleteDevice(id: string): Promise<void>;
  /** `deleteDevice` leaves the device itself, with its content. */
  readonly deletesNodesOnly?: boolean;
  /** The driver finds its devices and creates none: they are there before it is called, and it sets no mode. */
  readonly finds?: boolean;
  /** Breaks a device without removing it; the result is the reason that the driver must see. */
  breakDevice?(id: string): Promise<string>;
  /** Opens a device as a pod would; the result closes it. */
  holdDevice?(id: string): Promise<() => void>;
  /** How often device nodes were opened while `run` ran; undefined where that can't be seen. */
  countOpens(run: () => Promise<unknown>): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface DriverCheck {
  /** A sentence about drivers. */
  readonly name: string;
  /** Rejects with an AssertionError. The harness is fresh, and closed by the caller. */
  run(harness: DriverHarness): Promise<void>;
}

/** All checks; each needs a harness of its own. */
export const driverContract: readonly DriverCheck[] = [
  {
    name: "devices are constant, ascending and named after their number",
    async run({ driver, finds }) {
      if (finds) return foundDevices(driver);
      const before = structuredClone(driver.devices);
      ok(before.length >= 2, "the harness must have two devices");
      await driver.ensure();
      deepEqual(driver.devices, before);
      before.forEach((device, index) => {
        equal(device.id, `video${device.number}`);
        equal(device.number, (before[0]?.number ?? 0) + index);
        match(device.nodes[0].hostPath, new RegExp(`^/.*/${device.id}$`));
      });
    },
  },
  {
    name: "before ensure no device is ok, and each says why in a sentence",
    async run({ driver, finds }) {
      if (finds) return;
      const observations = await driver.inspect();
      deepEqual(ids(observations), ids(driver.devices));
      for (const { state, reason, detail } of observations) {
        notEqual(state, "ok");
        match(reason, /^[a-z_]+$/);
        match(detail, /^\S.+\.$/);
      }
    },
  },
  {
    name: "describe always answers, opens no device, and agrees with what can be done",
    async run({ driver, countOpens }) {
      equal(typeof driver.describe().dynamic, "boolean");
      await driver.ensure();
      equal((await countOpens(async () => driver.describe())) ?? 0, 0);
      const { moduleVersion, dynamic } = driver.describe();
      equal(dynamic, driver.capabilities().remove);
      if (moduleVersion !== undefined) match(moduleVersion, /^\d[\w.+~-]*$/);
    },
  },
  {
    name: "ensure makes every device ok, with the mode asked for",
    async run({ driver, mode, nodePath, finds }) {
      const report = await driver.ensure();
      const [created, adopted] = finds ? [[], ids(driver.devices)] : [ids(driver.devices), []];
      deepEqual(report, { created, adopted, failed: [] });
      await allOk(driver);
      for (const { id } of driver.devices) equal(statSync(nodePath(id)).mode & 0o7777, mode);
    },
  },
  {
    name: "a second ensure adopts everything and changes nothing",
    async run({ driver, nodePath }) {
      await driver.ensure();
      const look = () => driver.devices.map(({ id }) => identity(nodePath(id)));
      const before = look();
      const report = await driver.ensure();
      deepEqual(report, { created: [], adopted: ids(driver.devices), failed: [] });
      deepEqual(look(), before);
    },
  },
  {
    name: "two ensure at once, in the queue, create each device once",
    async run({ driver, finds }) {
      const { queue } = makeDevices({ driver });
      const ensure = () => queue.run({ what: "a start" }, (turn) => turn.ensure({}));
      const reports = await Promise.all([ensure(), ensure()]);
      const once = ids(driver.devices);
      const [created, adopted] = finds ? [[], [...once, ...once]] : [once, once];
      deepEqual(reports.flatMap((report) => report.created).sort(), created.sort());
      deepEqual(reports.flatMap((report) => report.adopted).sort(), adopted.sort());
      deepEqual(
        reports.flatMap((report) => report.failed),
        [],
      );
      await allOk(driver);
    },
  },
  {
    name: "inspect opens no device",
    async run({ driver, countOpens }) {
      await driver.ensure();
      equal((await countOpens(() => driver.inspect())) ?? 0, 0);
    },
  },
  {
    name: "a second ensure opens no device",
    async run({ driver, countOpens }) {
      await driver.ensure();
      equal((await countOpens(() => driver.ensure())) ?? 0, 0);
    },
  },
  {
    name: "inspect is quick enough to be called every second",
    async run({ driver }) {
      await driver.ensure();
      const inspect = async () => {
        const started = performance.now();
        await driver.inspect();
        return performance.now() - started;
      };
      ok((await bestOf(100, inspect)) < 100, "no inspection took less than 100 ms");
    },
  },
  {
    name: "a deleted device is missing and the others stay ok",
    async run(harness) {
      const { driver } = harness;
      await driver.ensure();
      const [, gone] = driver.devices;
      ok(gone);
      await harness.deleteDevice(gone.id);
      const { state, reason, fix } = await onlyFault(driver, gone.id);
      const expected = harness.finds ? ["unplugged", "none"] : ["missing", "recreate"];
      deepEqual([state, reason, fix], ["unavailable", ...expected]);
    },
  },
  {
    name: "ensure creates a deleted device again, or says why it can't",
    async run(harness) {
      const { driver } = harness;
      if (harness.finds) return;
      await driver.ensure();
      const [gone] = driver.devices;
      ok(gone);
      await harness.deleteDevice(gone.id);
      const others = ids(driver.devices).filter((id) => id !== gone.id);
      const report = await driver.ensure();
      if (harness.deletesNodesOnly) {
        deepEqual(report, { created: [], adopted: ids(driver.devices), failed: [] });
        return allOk(driver);
      }
      deepEqual(report.adopted, others);
      if (driver.describe().dynamic) deepEqual(report.failed, []);
      if (report.failed.length === 0) {
        deepEqual(report.created, [gone.id]);
        equal(statSync(harness.nodePath(gone.id)).mode & 0o7777, harness.mode);
        await allOk(driver);
      } else {
        deepEqual(report.created, []);
        deepEqual(ids(report.failed), [gone.id]);
        explained(report.failed[0]?.error);
      }
    },
  },
  {
    name: "ensure sets the mode of a node again that was changed",
    async run({ driver, mode, nodePath, finds }) {
      if (finds) return;
      await driver.ensure();
      const [device] = driver.devices;
      ok(device);
      chmodSync(nodePath(device.id), 0o000);
      await driver.ensure();
      equal(statSync(nodePath(device.id)).mode & 0o7777, mode);
    },
  },
  {
    name: "a mode that was changed is reported, and is no fault",
    async run({ driver, nodePath, finds }) {
      if (finds) return;
      await driver.ensure();
      const [, device] = driver.devices;
      ok(device);
      chmodSync(nodePath(device.id), 0o660);
      for (const { id, state, accessLost } of await driver.inspect()) {
        equal(state, "ok");
        equal(accessLost, id === device.id ? true : undefined);
      }
      await driver.ensure();
      for (const { accessLost } of await driver.inspect()) equal(accessLost, undefined);
    },
  },
  {
    name: "a broken device differs from a missing one",
    async run(harness) {
      if (harness.breakDevice === undefined) return;
      await harness.driver.ensure();
      const [, broken] = harness.driver.devices;
      ok(broken);
      const expected = await harness.breakDevice(broken.id);
      equal((await onlyFault(harness.driver, broken.id)).reason, expected);
    },
  },
  {
    name: "reset leaves a device ok, or says that it can't",
    async run({ driver, mode, nodePath }) {
      await driver.ensure();
      const [, device] = driver.devices;
      ok(device);
      const error = await failure(driver.reset(device.id));
      if (device.cleaning === "reset") {
        equal(error, undefined);
        equal(statSync(nodePath(device.id)).mode & 0o7777, mode);
      } else {
        explained(error);
        equal(codeOf(error), "not_supported");
      }
      await allOk(driver);
    },
  },
  {
    name: "resets of different devices at once, in the queue, don't interfere",
    async run({ driver }) {
      await driver.ensure();
      const { queue } = makeDevices({ driver });
      const resettable = driver.devices.filter(({ cleaning }) => cleaning === "reset");
      const resets = resettable.map(({ id }) =>
        queue.run({ what: `the reset of ${id}` }, (turn) => turn.maintain("reset", id)),
      );
      await Promise.all(resets);
      await allOk(driver);
    },
  },
  {
    name: "a device that a process has open is not reset",
    async run(harness) {
      const { driver } = harness;
      await driver.ensure();
      const [device] = driver.devices;
      if (device === undefined || harness.holdDevice === undefined) return;
      const release = await harness.holdDevice(device.id);
      try {
        const error = await failure(driver.reset(device.id));
        equal(codeOf(error), device.cleaning === "reset" ? "device_busy" : "not_supported");
        await allOk(driver);
      } finally {
        release();
      }
    },
  },
  {
    name: "a device that isn't the driver's is unknown, whatever is asked",
    async run({ driver }) {
      await driver.ensure();
      for (const ask of ["reset", "repair", "remove"] as const) {
        equal(codeOf(await failure(driver[ask]("video9999"))), "device_unknown");
      }
    },
  },
  {
    name: "remove removes one device, twice if need be, or says that it can't",
    async run({ driver }) {
      await driver.ensure();
      const [device] = driver.devices;
      ok(device);
      for (let round = 0; round < 2; round++) {
        const error = await failure(driver.remove(device.id));
        equal(codeOf(error), driver.capabilities().remove ? undefined : "not_supported");
      }
      const seen = await driver.inspect();
      const reasons = seen.map(({ reason }) => reason);
      const first = driver.capabilities().remove ? "missing" : "ok";
      // What is missing can be created where single devices can be removed; what is ok needs no fix.
      deepEqual(
        seen.map((each) => driver.canFix(each)),
        reasons.map((reason) => reason === "missing"),
      );
      deepEqual(reasons, [first, ...reasons.slice(1).map(() => "ok")]);
    },
  },
  {
    name: "repair leaves a device ok, or says that there is nothing it could repair",
    async run({ driver, mode, nodePath }) {
      await driver.ensure();
      const [device] = driver.devices;
      ok(device);
      const error = await failure(driver.repair(device.id));
      if (error !== undefined) equal(codeOf(error), "not_supported");
      equal(statSync(nodePath(device.id)).mode & 0o7777, mode);
      await allOk(driver);
    },
  },
  {
    name: "devices stay if they are released while a process has one open",
    async run(harness) {
      const { driver } = harness;
      await driver.ensure();
      const [device] = driver.devices;
      if (device === undefined || harness.holdDevice === undefined) return;
      const close = await harness.holdDevice(device.id);
      try {
        equal(await failure(driver.release()), undefined);
        await allOk(driver);
      } finally {
        close();
      }
    },
  },
  {
    name: "after all devices are removed and released, twice, ensure creates them again",
    async run({ driver }) {
      await driver.ensure();
      if (driver.capabilities().remove)
        for (const { id } of driver.devices) await driver.remove(id);
      for (let round = 0; round < 2; round++) equal(await failure(driver.release()), undefined);
      deepEqual((await driver.ensure()).failed, []);
      await allOk(driver);
    },
  },
  {
    name: "whether a device is open is known without opening it, or not at all",
    async run(harness) {
      const { driver } = harness;
      await driver.ensure();
      const [held, free] = driver.devices;
      ok(held && free);
      const ask = async (id: string) => {
        let isOpen: boolean | undefined;
        equal((await harness.countOpens(async () => (isOpen = await driver.isOpen(id)))) ?? 0, 0);
        return isOpen;
      };
      notEqual(await ask(held.id), true);
      if (harness.holdDevice === undefined) return;
      const release = await harness.holdDevice(held.id);
      notEqual(await ask(held.id), false);
      notEqual(await ask(free.id), true);
      release();
      notEqual(await ask(held.id), true);
    },
  },
  {
    name: "a device that a process has open is neither repaired nor removed",
    async run(harness) {
      const { driver } = harness;
      await driver.ensure();
      const [device] = driver.devices;
      if (device === undefined || harness.holdDevice === undefined) return;
      const release = await harness.holdDevice(device.id);
      for (const ask of ["repair", "remove"] as const) {
        const code = codeOf(await failure(driver[ask](device.id)));
        ok(code === "device_busy" || code === "not_supported", `${ask}: ${code}`);
      }
      release();
      await allOk(driver);
    },
  },
  {
    name: "watch notifies within a second of a deletion, and not after it was aborted",
    async run(harness) {
      const { driver } = harness;
      await driver.ensure();
      const [first, second] = driver.devices;
      ok(first && second);
      const abort = new AbortController();
      let notified = 0;
      driver.watch(() => notified++, abort.signal);
      const notify = async () => {
        // A device that is created notifies, too.
        await driver.ensure();
        await sleep(200);
        notified = 0;
        const deletedAt = performance.now();
        await harness.deleteDevice(first.id);
        await eventually(() => notified > 0, "a notify");
        return performance.now() - deletedAt;
      };
      ok((await bestOf(1000, notify)) < 1000, "no notify within a second");
      await sleep(200);
      abort.abort();
      const before = notified;
      await harness.deleteDevice(second.id);
      await sleep(300);
      equal(notified, before);
    },
  },
  {
    name: "watch with a signal that was already aborted does nothing",
    async run(harness) {
      await harness.driver.ensure();
      let notified = 0;
      harness.driver.watch(() => notified++, AbortSignal.abort());
      const [device] = harness.driver.devices;
      ok(device);
      await harness.deleteDevice(device.id);
      await sleep(200);
      equal(notified, 0);
    },
  },
];

/** What holds of the devices that a driver finds. */
async function foundDevices(driver: VideoDriver): Promise<void> {
  await driver.ensure();
  const before = driver.devices;
  ok(before.length >= 2, "the harness must have two devices");
  for (const { id, nodes } of before) {
    match(id, /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$/);
    equal(nodes[0].hostPath.split("/").at(-1), id);
  }
  await driver.ensure();
  equal(driver.devices, before);
}

function ids(list: readonly { readonly id: string }[]): string[] {
  return list.map(({ id }) => id);
}

async function allOk(driver: VideoDriver): Promise<void> {
  const expected = driver.devices.map(({ id }) => okObservation(id));
  deepEqual((await driver.inspect()).map(withoutNumber), expected);
}

/** An observation without the device number, which only devices of the kernel have, and without what stands for it. */
function withoutNumber({
  deviceNumber: _number,
  identity: _identity,
  ...rest
}: DeviceObservation): DeviceObservation {
  return rest;
}

/** What is the matter with this device, the only one that is not ok. */
async function onlyFault(driver: VideoDriver, id: string): Promise<DeviceObservation> {
  const seen = await driver.inspect();
  deepEqual(ids(seen), ids(driver.devices));
  const others = seen.filter((observation) => observation.id !== id);
  deepEqual(
    others.map(withoutNumber),
    others.map((other) => okObservation(other.id)),
  );
  const fault = seen.find((observation) => observation.id === id);
  ok(fault);
  notEqual(fault.state, "ok");
  match(fault.detail, /^\S.+\.$/);
  return fault;
}

/** What identifies a node, beside its name. */
function identity(path: string) {
  const { ino, rdev, mode, uid, gid, ctimeMs } = statSync(path);
  return { ino, rdev, mode, uid, gid, ctimeMs };
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof PluginError ? error.code : undefined;
}

function explained(error: unknown): void {
  ok(error instanceof PluginError, `not a PluginError: ${String(error)}`);
  ok(error.message.length > 20, error.message);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
