import type { Clock } from "../../src/common/clock.ts";
import { systemClock } from "../../src/common/clock.ts";
import { silentLogger } from "../../src/common/logger.ts";
import type { PodDevice } from "../../src/common/pod-device.ts";
import { Devices, type DevicesDeps } from "../../src/devices/devices.ts";
import { defaultMaintenanceTimes } from "../../src/devices/maintenance/maintenance-times.ts";
import type { UsageSource } from "../../src/devices/usage/usage-source.ts";

/** A kubelet that lists the devices of `listed`, after `takesMs`; undefined: it does not answer. */
export class FakeUsageSource implements UsageSource {
  listed: ReadonlySet<string> | undefined = new Set();
  /** Resource names by the ID of devices that the pod `default/other` owns under them. */
  others: ReadonlyMap<string, string> = new Map();
  takesMs = 0;
  asked = 0;
  /** Called for each question with its number, from 1. */
  onAsked: (asked: number) => void = () => undefined;
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async podDevices(): Promise<ReadonlyMap<string, PodDevice>> {
    this.onAsked(++this.asked);
    if (this.takesMs > 0) await this.#clock.sleep(this.takesMs);
    if (this.listed === undefined) throw new Error("the kubelet does not answer");
    const own = { pod: "default/own", otherResource: undefined };
    return new Map<string, PodDevice>([
      ...[...this.listed].map((id): [string, PodDevice] => [id, own]),
      ...[...this.others].map(([id, otherResource]): [string, PodDevice] => [
        id,
        { pod: "default/other", otherResource },
      ]),
    ]);
  }

  watch(): void {}
}

/** The devices of a driver, with a kubelet that lists none unless the test has its own. */
export function makeDevices(deps: Pick<DevicesDeps, "driver"> & Partial<DevicesDeps>): Devices {
  return new Devices({
    source: new FakeUsageSource(deps.clock),
    clock: systemClock,
    log: silentLogger,
    random: () => 1,
    times: defaultMaintenanceTimes,
    inspectIntervalMs: 30_000,
    ...deps,
  });
}
