import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/common/clock.ts";
import { pollUntil } from "../../src/common/poll-until.ts";
import { faultsDirectory } from "../../src/drivers/simulated/faults.ts";
import { behaviourOf, defaultVersion, type KubeletVersion } from "../../src/simulator/behaviour.ts";
import type { KubeletEvent } from "../../src/simulator/events.ts";
import { EmbeddedKubelet } from "../../src/simulator/kubelet.ts";
import { PluginUnderTest } from "./plugin-under-test.ts";

/** How many devices the plugin offers by default. */
export const deviceCount = 8;

/** How long anything may take before the bench has failed, ms. */
const limitMs = 10_000;

/**
 * A node for one measure: a kubelet in this process, and directories for the compiled plugin.
 * Times are read off the kubelet's events, which carry when they happened.
 */
export class BenchNode implements AsyncDisposable {
  readonly kubelet: EmbeddedKubelet;
  readonly #directory = mkdtempSync(join(tmpdir(), "vdp-bench-"));
  readonly #pluginDirectory = join(this.#directory, "dp");
  readonly #devices = join(this.#directory, "dev");
  readonly #binary: string;
  #plugin: PluginUnderTest | undefined;
  #started = 0;

  constructor(binary: string, version: KubeletVersion = defaultVersion) {
    this.#binary = binary;
    this.kubelet = new EmbeddedKubelet({
      dir: this.#pluginDirectory,
      podResourcesDir: join(this.#directory, "pr"),
      behaviour: behaviourOf(version),
    });
    mkdirSync(join(this.#devices, faultsDirectory), { recursive: true });
  }

  /** A running kubelet with the plugin registered and all devices healthy. */
  static async registered(
    binary: string,
    options: readonly string[] = [],
    version?: KubeletVersion,
  ): Promise<BenchNode> {
    const node = new BenchNode(binary, version);
    await node.kubelet.start();
    await node.startPlugin(options);
    return node;
  }

  /** Starts the plugin; resolves to the ms from before its process was made to its first list with so many healthy devices. */
  async startPlugin(options: readonly string[] = [], healthy = deviceCount): Promise<number> {
    const listed = this.listed(healthy);
    const started = this.kubelet.events.elapsedMs();
    this.#plugin = this.#start(options);
    return (await listed).atMs - started;
  }

  #start(options: readonly string[]): PluginUnderTest {
    this.#started += 1;
    return new PluginUnderTest(
      this.#binary,
      {
        kubeletSocket: this.kubelet.socket,
        podResourcesSocket: this.kubelet.podResourcesSocket,
        socketPath: join(this.#pluginDirectory, "video-device-plugin.sock"),
        simulatedDir: this.#devices,
        adminSocket: this.adminSocket,
        stateDir: join(this.#directory, "state"),
        logFile: join(this.#directory, `plugin-${this.#started}.log`),
      },
      options,
    );
  }

  /**
   * Starts a second instance and, when it stands by, ends the first one with the signal; resolves to the ms from the end
   * of the first one's stream at the kubelet to the second one's list.
   */
  async handOver(signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    const old = await this.#startStandby();
    const ended = this.next("the old stream's end", ({ type }) => type === "stream_ended");
    const listed = this.listed(deviceCount);
    await old?.end(signal);
    return (await listed).atMs - (await ended).atMs;
  }

  /**
   * As {@link handOver}, at a kubelet that keeps both instances; resolves to the ms that the admission of a pod takes which
   * begins when the second one has registered.
   */
  async allocateInHandOver(): Promise<number> {
    const old = await this.#startStandby();
    const registered = this.next("the registration", ({ type }) => type === "registered");
    const ended = old?.end("SIGTERM");
    await registered;
    const started = performance.now();
    const { phase, message } = await this.kubelet.addPod({
      name: "pod",
      containers: [{ name: "c", devices: 1 }],
    });
    const tookMs = performance.now() - started;
    if (phase !== "Running") throw new Error(`the pod is ${phase}: ${message}`);
    await ended;
    this.kubelet.removePod("pod");
    return tookMs;
  }

  /** Starts a second instance, and resolves to the first one when the second one stands by. */
  async #startStandby(): Promise<PluginUnderTest | undefined> {
    const old = this.#plugin;
    const next = this.#start([]);
    this.#plugin = next;
    const stands = () => next.hasLogged("Standing by");
    const polling = { patienceMs: limitMs, pauseMs: 5 };
    if (!(await pollUntil(stands, systemClock, polling))) throw new Error("no standby");
    // A standby of an update waits for seconds: it has long started up. Then any moment between two tries to take the lock.
    await Bun.sleep(500 + Math.random() * 10);
    return old;
  }

  async stopPlugin(): Promise<void> {
    await this.#plugin?.stop();
    this.#plugin = undefined;
  }

  get pid(): number {
    if (this.#plugin === undefined) throw new Error("the plugin is not running");
    return this.#plugin.pid;
  }

  /** The socket that the plugin serves on. */
  get pluginSocket(): string {
    const names = readdirSync(this.#pluginDirectory).filter((name) => name.startsWith("video-"));
    const [name, ...others] = names;
    if (name === undefined || others.length > 0) throw new Error(`plugin sockets: ${names}`);
    return join(this.#pluginDirectory, name);
  }

  /** Where the plugin is operated. */
  get adminSocket(): string {
    return join(this.#directory, "admin.sock");
  }

  /** A device's node. */
  devicePath(id: string): string {
    return join(this.#devices, id);
  }

  /** The next list with so many healthy devices. */
  listed(healthy: number): Promise<KubeletEvent> {
    return this.next(
      `a list with ${healthy} healthy devices`,
      (event) => event.type === "list_received" && event.healthy === healthy,
    );
  }

  /** The next event that `matches`. */
  next(what: string, matches: (event: KubeletEvent) => boolean): Promise<KubeletEvent> {
    const { promise, resolve, reject } = Promise.withResolvers<KubeletEvent>();
    const stop = this.kubelet.events.listen((event) => {
      if (matches(event)) resolve(event);
    });
    const timer = setTimeout(() => {
      const log = this.#plugin?.lastLines() ?? "";
      reject(new Error(`${what}: not within ${limitMs} ms. The plugin's log ends:\n${log}`));
    }, limitMs);
    return promise.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }

  /**
   * Stops the kubelet, waits, and starts it again; resolves to the ms from its socket being there to the
   * plugin's list.
   */
  async restartKubelet(downMs: number): Promise<number> {
    this.kubelet.stop();
    await Bun.sleep(downMs);
    // The registration socket is the last thing that a starting kubelet makes.
    const started = this.next("a kubelet's start", ({ type }) => type === "kubelet_started");
    const listed = this.listed(deviceCount);
    await this.kubelet.start();
    return (await listed).atMs - (await started).atMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopPlugin();
    this.kubelet.stop({ removeSockets: true });
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
