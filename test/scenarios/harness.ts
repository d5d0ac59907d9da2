import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/common/clock.ts";
import type { Logger } from "../../src/common/logger.ts";
import { PluginError } from "../../src/common/plugin-error.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { defaultPool, type PoolConfig } from "../../src/config/pool-config.ts";
import {
  defaultRegistrationTimes,
  type RegistrationTimes,
} from "../../src/device-plugin/registration.ts";
import {
  defaultMaintenanceTimes,
  type MaintenanceTimes,
} from "../../src/devices/maintenance/maintenance-times.ts";
import type { VideoDriver } from "../../src/drivers/driver.ts";
import { SimulatedDriver } from "../../src/drivers/simulated/simulated-driver.ts";
import { Journal, withJournal } from "../../src/observe/journal.ts";
import { Plugin, type PluginDeps, poolLog } from "../../src/plugin/plugin.ts";
import { readySettings } from "../../src/plugin/ready-settings.ts";
import { behaviourOf, type KubeletVersion } from "../../src/simulator/behaviour.ts";
import type { KubeletEvent } from "../../src/simulator/events.ts";
import { EmbeddedKubelet, type EmbeddedKubeletOptions } from "../../src/simulator/kubelet.ts";
import { patienceMs } from "../support/eventually.ts";
import { type LogLine, recordingLogger } from "../support/recording-logger.ts";

export { eventually } from "../support/eventually.ts";

/** Times of the registration, a tenth of the real ones where a test waits for them. */
export const quickTimes: RegistrationTimes = {
  ...defaultRegistrationTimes,
  tickMs: 100,
  registerMs: 5000,
  streamGraceMs: 3000,
  settleMs: 150,
  replacedGraceMs: 500,
  provenMs: 300,
  backoff: { initialMs: 100, maxMs: 1000 },
};

/** Shorter times, for kubelets that don't answer. */
export const impatientTimes: RegistrationTimes = {
  ...quickTimes,
  registerMs: 1500,
  streamGraceMs: 500,
};

/** Times of the maintenance: a fraction of the real ones where a test waits for them, longer ones elsewhere. */
export const quickMaintenance: MaintenanceTimes = {
  ...defaultMaintenanceTimes,
  pollMs: 100,
  settleMs: 20,
  graceMs: 200,
  restartGraceMs: 600,
  reallocateMs: 200,
  askMs: 3000,
  allocateMs: 5000,
  closeMs: 200,
  lookMs: 50,
  backoff: { initialMs: 50, maxMs: 1000 },
};

/**
 * What a starting plugin learns of the devices that pods own. It waits 1 s for the kubelet's answer, which is not enough on a
 * busy machine: then this asks again.
 */
export async function ownedByPods<T>(ask: (log: Logger) => Promise<T>): Promise<T> {
  for (;;) {
    const log = recordingLogger();
    const answer = await ask(log);
    if (log.lines.every(({ msg }) => msg !== "Devices of pods unknown at the start")) return answer;
  }
}

export interface RunningPlugin {
  readonly plugin: Plugin;
  readonly log: { readonly lines: LogLine[] };
  stop(): Promise<void>;
  /** The error with which the plugin ends by itself; a test that asks for it expects one. */
  failure(): Promise<PluginError | undefined>;
}

/** What a test has instead of the usual parts of a plugin. */
export interface Parts extends Partial<Omit<PluginDeps, "pools">> {
  /** Of the only pool. */
  readonly driver?: VideoDriver;
  /** Default: a simulated driver. */
  readonly pools?: readonly { readonly config: PoolConfig; readonly driver?: VideoDriver }[];
}

/** A node's directories, a kubelet that isn't started yet, and the test's plugins. */
export class Scenario {
  readonly directory = mkdtempSync(join(tmpdir(), "vdp-"));
  readonly dir = join(this.directory, "dp");
  readonly simulatedDir = join(this.directory, "dev");
  readonly adminSocket = join(this.directory, "admin", "admin.sock");
  readonly stateDir = join(this.directory, "state");
  readonly kubelet: EmbeddedKubelet;
  readonly seen: KubeletEvent[] = [];
  readonly #plugins: RunningPlugin[] = [];

  constructor(version: KubeletVersion = "1.33", options: Partial<EmbeddedKubeletOptions> = {}) {
    this.kubelet = new EmbeddedKubelet({
      dir: this.dir,
      podResourcesDir: join(this.directory, "pr"),
      behaviour: behaviourOf(version),
      containerRetryMs: 100,
      ...options,
    });
    this.kubelet.events.listen((event) => this.seen.push(event));
    mkdirSync(join(this.simulatedDir, ".faults"), { recursive: true });
  }

  /**
   * Starts a plugin in this process, with the scenario's options and parts, and defaults for the rest. With `pools` it has
   * those instead of the pool of the options.
   */
  startPlugin(
    options: Partial<Record<string, string>> = {},
    { driver, pools, ...parts }: Parts = {},
  ): RunningPlugin {
    const recorder = recordingLogger();
    const journal = new Journal();
    const log = withJournal(recorder, journal);
    const config = this.config(options);
    const wanted = pools ?? [{ config: defaultPool(config), ...(driver && { driver }) }];
    const plugin = new Plugin(config, {
      pools: wanted.map((pool) => {
        const own = poolLog(log, pool.config, wanted);
        const made = { ...config, ...pool.config.options };
        return { config: pool.config, driver: pool.driver ?? simulatedDriver(made, own) };
      }),
      log,
      journal,
      version: "test",
      registrationTimes: quickTimes,
      auditTimes: { intervalMs: 200, soonMs: 50, rounds: 2 },
      maintenanceTimes: quickMaintenance,
      ...parts,
    });
    const stop = new AbortController();
    let running: Promise<unknown> = plugin.run(stop.signal);
    const handle = {
      plugin,
      log: recorder,
      stop: async () => {
        stop.abort();
        await running;
      },
      failure: () => {
        const failure = running.then(
          () => undefined,
          (reason) => PluginError.from(reason),
        );
        running = failure;
        return failure;
      },
    };
    this.#plugins.push(handle);
    return handle;
  }

  /** A driver of simulated devices with these options. */
  driver(options: Partial<Record<string, string>> = {}): SimulatedDriver {
    return simulatedDriver(this.config(options), recordingLogger());
  }

  config(options: Partial<Record<string, string>>): Config {
    return this.loaded(options).config;
  }

  /** The configuration with these options. @param readFile Reads the files that they name. Default: empty ones. */
  loaded(options: Partial<Record<string, string>>, readFile = (_path: string) => "") {
    const given = {
      "node-name": "node-a",
      driver: "simulated",
      "kubelet-socket": this.kubelet.socket,
      "pod-resources-socket": this.kubelet.podResourcesSocket,
      "socket-path": join(this.dir, "video-device-plugin.sock"),
      "simulated-dir": this.simulatedDir,
      "admin-socket": this.adminSocket,
      "state-dir": this.stateDir,
      "cdi-dir": join(this.directory, "cdi"),
      ...options,
    };
    const loaded = loadConfig({
      argv: Object.entries(given).map(([flag, value]) => `--${flag}=${value}`),
      env: {},
      hostname: "host",
      readFile,
      lookupGroup: () => undefined,
    });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded;
  }

  /** Starts kubelet and plugin, and waits until all devices are allocatable. */
  async registered(
    options: Partial<Record<string, string>> = {},
    parts: Parts = {},
  ): Promise<RunningPlugin> {
    const plugin = this.startPlugin(options, parts);
    await this.kubelet.start();
    await this.counts(8, 8);
    return plugin;
  }

  counts(capacity: number, allocatable: number, timeoutMs = patienceMs): Promise<unknown> {
    return this.kubelet.until(
      () => {
        const now = this.kubelet.resources();
        return now.capacity === capacity && now.allocatable === allocatable;
      },
      timeoutMs,
      `capacity ${capacity}, allocatable ${allocatable}`,
    );
  }

  sicken(id: string, fault = "sick"): void {
    writeFileSync(join(this.simulatedDir, ".faults", `${id}.${fault}`), "it was made to");
  }

  heal(id: string, fault = "sick"): void {
    rmSync(join(this.simulatedDir, ".faults", `${id}.${fault}`));
  }

  remove(id: string): void {
    rmSync(join(this.simulatedDir, id));
  }

  /** Number of events of a type so far. */
  count(type: KubeletEvent["type"]): number {
    return this.seen.filter((event) => event.type === type).length;
  }

  /** The plugin's sockets in the kubelet's directory. */
  sockets(): string[] {
    return readdirSync(this.dir).filter((name) => name.startsWith("video-device-plugin"));
  }

  /** The path of the plugin's one socket. */
  socketPath(): string {
    const [name, ...others] = this.sockets();
    if (name === undefined || others.length > 0) throw new Error(`sockets: ${this.sockets()}`);
    return join(this.dir, name);
  }

  async close(): Promise<void> {
    await Promise.all(this.#plugins.map((plugin) => plugin.stop()));
    this.kubelet.stop({ removeSockets: true });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function simulatedDriver(config: Config, log: Logger): SimulatedDriver {
  return new SimulatedDriver(
    {
      ...{ ...config, mode: config.v4l2DevicePerm, group: config.v4l2DeviceGroup },
      ready: readySettings(config),
    },
    {
      log,
      clock: systemClock,
      makeCharDevice: () => {
        throw new Error("plain files are enough here");
      },
    },
  );
}
