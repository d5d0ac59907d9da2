import { aborted, type Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { Config } from "../config/config.ts";
import type { CallActivity } from "../device-plugin/call-activity.ts";
import { hiddenDevices } from "../devices/container-path.ts";
import type { CordonStore } from "../devices/cordon/cordon-store.ts";
import type { PodNumbersStore } from "../devices/usage/pod-numbers-store.ts";
import type { Pool } from "./pool.ts";
import type { Pools } from "./pools.ts";
import type { Actor } from "./supervisor.ts";

/** How long the first inspection may delay the registration, ms. */
const firstInspectionMs = 5000;

/**
 * How long a standby that takes over does nothing but register, ms: twice what that takes on an idle machine. What works at
 * the devices begins after it.
 */
const registerFirstMs = 50;

/**
 * How long the kubelet must have called about no pod before the registration ends, ms: pods of a burst are some ms apart,
 * and a hand-over takes some 20 ms.
 */
const quietMs = 100;

/**
 * How long after a standby's registration, and after a call, another call may come for a pod whose admission began before
 * that registration, ms: some 1 on an idle machine. The stream's end would end it. The standby holds what comes to it meanwhile.
 */
const switchMs = 100;

/**
 * How long a stop waits for work at the devices that is under way, ms. With the grace of the registration's end that
 * is below a second, so that an update is quick; the removal of devices has its own limit.
 */
const stopPatienceMs = 500;

/**
 * As {@link stopPatienceMs}, for a stop that removes devices: the removal needs that the work has ended. With the 3 s of the
 * removal it is below the 5 s after which main ends a stop.
 */
const removalPatienceMs = 1500;

/** How long the end may wait for a standby that takes over the devices one by one, ms: main ends a stop after 5 s, and a busy node is slow. */
const handOverPatienceMs = 3500;

export interface ServedParts {
  readonly pools: Pools;
  readonly cordons: CordonStore;
  readonly podNumbers: PodNumbersStore;
  readonly calls: CallActivity;
  readonly clock: Clock;
  readonly log: Logger;
  /** Runs a part of the process, or of a pool, until the signal aborts. */
  readonly supervise: Supervise;
  /** True if only a new process can go on, so that devices stay. */
  readonly hasFailed: () => boolean;
  /** The parts that run from the start on, beside the pools. */
  readonly beside: (signal: AbortSignal) => Promise<void>[];
  /** The parts that run while this instance serves, beside those of the pools. */
  readonly alone: (signal: AbortSignal) => Promise<void>[];
}

export type Supervise = (actor: Actor, signal: AbortSignal, pool?: Pool) => Promise<void>;

/**
 * Serves the pools until `signal` aborts; stands by while another instance serves. At the end the work at the devices and
 * the kubelet's calls come to a rest, then the registrations end, so that the kubelet sends no more pods here, then a
 * standby takes over. Devices stay as they are, unless the option says otherwise.
 */
export async function servePools(
  config: Config,
  parts: ServedParts,
  signal: AbortSignal,
): Promise<void> {
  const { pools, cordons, podNumbers, clock, log } = parts;
  cordons.load();
  for (const pool of pools.all) warnOfHidden(pool);
  const later = new AbortController();
  const shown = parts.beside(later.signal);
  const hasStoodBy = await pools.standBy(() => cordons.reload(), signal);
  if (signal.aborted) {
    later.abort();
    await Promise.all(shown);
    return;
  }
  if (hasStoodBy) await cordons.reload();
  // Not before: until now the other instance has written the file.
  podNumbers.load();
  // The first list holds back what the file says of numbers.
  if (hasStoodBy) {
    await each(pools, ({ devices }) => devices.queue.inspect({ readOnly: true }));
  }
  const offering = new AbortController();
  const served = pools.all.map((pool) =>
    servePool(pool, parts, { hasStoodBy, working: signal, offering: offering.signal }),
  );
  const working = [...served.map(({ worked }) => worked), ...parts.alone(signal), ...shown];
  const stopped = Promise.all(working).then(() => true);
  await aborted(signal);
  const abortedAt = clock.now();
  const giveUpAt = abortedAt + stopPatienceMs;
  // What is under way, above all a reset inside Allocate, ends before the stream does.
  const atRest = Promise.all([
    each(pools, ({ devices }) => devices.queue.idle()),
    podNumbers.saved(),
  ]);
  await Promise.race([atRest, clock.sleep(stopPatienceMs)]);
  const handsOver = !config.removeDevicesOnExit;
  const registered = await untilReplaced(parts, handsOver, giveUpAt);
  offering.abort();
  await Promise.all([...served.map(({ offered }) => offered), podNumbers.saved()]);
  later.abort();
  const leaving = handsOver ? await handOver(parts, registered) : undefined;
  const endsAt = handsOver ? giveUpAt : abortedAt + removalPatienceMs;
  const patienceMs = leaving?.patienceMs ?? Math.max(0, endsAt - clock.now());
  const ended = Promise.all([stopped, leaving?.left]).then(() => true);
  if (!(await Promise.race([ended, clock.sleep(patienceMs)]))) {
    log.warn("Work at the devices abandoned", { waited_ms: clock.now() - abortedAt });
    return;
  }
  if (config.removeDevicesOnExit && !parts.hasFailed()) {
    await each(pools, ({ devices }) => devices.maintenance.removeUnused());
  }
}

/**
 * Lets standbys register, where the kubelet keeps both, and waits until the kubelet calls about no pod.
 *
 * @returns the pools whose standby has registered.
 */
async function untilReplaced(
  { pools, calls, clock }: ServedParts,
  handsOver: boolean,
  giveUpAt: number,
): Promise<ReadonlySet<Pool>> {
  const registered = new Set<Pool>();
  if (handsOver) {
    await each(pools, async (pool) => {
      if (await pool.registrar.letStandbyRegister()) registered.add(pool);
    });
  }
  if (registered.size > 0) {
    await clock.sleep(switchMs);
    await calls.untilQuiet(switchMs, stopPatienceMs);
  } else await calls.untilQuiet(quietMs, giveUpAt - clock.now());
  return registered;
}

/**
 * Lets a standby take over, and leaves the devices, except those of pools with work under way, which ends with the process
 * at the latest.
 *
 * @returns what to wait for; undefined if work goes on at all pools.
 */
async function handOver({ pools, podNumbers }: ServedParts, registered: ReadonlySet<Pool>) {
  await podNumbers.close();
  const standbys = new Set(registered);
  await each(pools, async (pool) => {
    if (!registered.has(pool) && (await pool.registrar.hasStandby())) standbys.add(pool);
  });
  // All in one go: the standby takes over as a whole.
  const left = pools.all.flatMap((pool) => pool.takeOver.handOver(standbys.has(pool)) ?? []);
  if (left.length === 0) return undefined;
  return {
    left: Promise.all(left),
    patienceMs: standbys.size > 0 ? handOverPatienceMs : stopPatienceMs,
  };
}

interface ServedPool {
  /** What works at the devices. */
  readonly worked: Promise<void>;
  readonly offered: Promise<void>;
}

interface ServeOptions {
  /** True if another instance has served until now. */
  readonly hasStoodBy: boolean;
  /** Ends the work at the devices. */
  readonly working: AbortSignal;
  /** Ends the registration. */
  readonly offering: AbortSignal;
}

/** Runs the parts of one pool, which neither wait for nor end those of another. */
function servePool(
  pool: Pool,
  { supervise, clock }: ServedParts,
  { hasStoodBy, working, offering }: ServeOptions,
): ServedPool {
  const isReady = hasStoodBy && pool.isSettled();
  pool.serve();
  const work = async () => {
    if (isReady) await clock.sleep(registerFirstMs, working);
    const run = (name: string, of: Actor["run"]) => supervise({ name, run: of }, working, pool);
    await Promise.all([
      run("monitor", (until) => pool.monitor(until)),
      run("maintenance", (until) => pool.maintain(until)),
      run("audit", (until) => pool.audit(until)),
    ]);
  };
  const offer = async () => {
    // The first list shall not be one of missing devices. A standby has inspected them.
    let isInspected = isReady;
    if (!isReady) {
      const ready = pool.devices.monitor.ready.then(() => true);
      const late = clock.sleep(firstInspectionMs, working).then(() => false);
      isInspected = await Promise.race([ready, late]);
    }
    // After a boot there is no file, and the kubelet starts the containers of pods as soon as it has the list.
    if (isInspected) await pool.cdi?.write();
    const run: Actor["run"] = (until) => pool.takeOver.offer(until);
    await supervise({ name: "registrar", run }, offering, pool);
  };
  return { worked: work(), offered: offer() };
}

function warnOfHidden({ path, driver, log }: Pool): void {
  const hidden = hiddenDevices(path, driver.devices);
  if (hidden === undefined) return;
  const { ids, detail, remedy } = hidden;
  log.warn("Devices hidden from many programs", { device_ids: ids, detail, remedy });
}

async function each(pools: Pools, act: (pool: Pool) => Promise<unknown>): Promise<void> {
  await Promise.all(pools.all.map(act));
}
