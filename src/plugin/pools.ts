import { PluginError } from "../common/plugin-error.ts";
import type { RegistrarStatus } from "../device-plugin/registrar.ts";
import type { Inventory } from "../devices/inventory/inventory.ts";
import type { Pool } from "./pool.ts";
import { longStandby, type StandbyStatus } from "./standby.ts";

/**
 * The pools of a process. It serves all of them or stands by with all: the files in STATE_DIR, the admin socket and the
 * module have one user at a time.
 */
export class Pools implements Pick<Inventory, "hold" | "release" | "require"> {
  /** In the order of the configuration; at least one. */
  readonly all: readonly [Pool, ...Pool[]];

  constructor(all: readonly [Pool, ...Pool[]]) {
    this.all = all;
  }

  /** The pool that waits for another instance, with its standby; undefined if the process doesn't stand by. */
  standby(): { readonly pool: Pool; readonly status: StandbyStatus } | undefined {
    for (const pool of this.all) {
      const status = pool.takeOver.standby();
      if (status !== undefined) return { pool, status };
    }
    return undefined;
  }

  /** Explains a standby that lasts longer than an update; undefined if there is none. */
  explainStandby(): PluginError | undefined {
    const standby = this.standby();
    return standby?.status.isLong ? longStandby(standby.pool.resourceName) : undefined;
  }

  /** A pool's registration, or the standby before it. */
  registration({ registrar }: Pool): RegistrarStatus {
    const standby = this.standby();
    if (standby === undefined) return registrar.status();
    const { since } = standby.status;
    return { reason: "standby", since, registered: false, socketPath: undefined, streams: 0 };
  }

  /**
   * Resolves when no other instance serves any of the resources, or `signal` aborts. Meanwhile the devices are inspected,
   * and nothing is changed; `reload` is called after each inspection, and reads what the other instance may have written.
   *
   * @returns true if another instance has served until now.
   */
  async standBy(reload: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    let isObserving = false;
    const onStandby = () => {
      if (isObserving) return;
      isObserving = true;
      for (const { takeOver } of this.all) void takeOver.observe(reload, stop);
    };
    try {
      const stoodBy = await Promise.all(
        this.all.map(({ takeOver }) => takeOver.untilAlone(onStandby, signal)),
      );
      return stoodBy.includes(true);
    } finally {
      over.abort();
      if (signal.aborted) await Promise.all(this.all.map(({ takeOver }) => takeOver.withdraw()));
    }
  }

  /**
   * The pool of a device, if this instance serves it. @throws PluginError `standby`, `device_unknown`.
   */
  serving(id: string): Pool {
    const standby = this.standby();
    if (standby !== undefined) {
      throw new PluginError(
        "standby",
        `This instance stands by: another one serves ${standby.pool.resourceName} on this node.`,
        { remedy: "Ask the other instance: its log and its status say Registered." },
      );
    }
    this.require(id);
    return this.#of(id) ?? this.all[0];
  }

  /** Holds a device of whatever pool, also one that its driver has not found yet, see {@link Inventory.hold}. */
  readonly hold: Inventory["hold"] = (id, reason, detail) => {
    for (const { devices } of this.all) devices.inventory.hold(id, reason, detail);
  };

  readonly release: Inventory["release"] = (id, reason) => {
    for (const { devices } of this.all) devices.inventory.release(id, reason);
  };

  /** @throws PluginError `device_unknown`. */
  readonly require: Inventory["require"] = (id) =>
    (this.#of(id) ?? this.all[0]).devices.inventory.require(id);

  /** The pool that has a device; undefined if none has. IDs are unique in the node. */
  #of(id: string): Pool | undefined {
    return this.all.find(({ devices }) => devices.inventory.get(id) !== undefined);
  }
}
