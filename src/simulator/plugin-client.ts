import { basename } from "node:path";
import type { Clock } from "../common/clock.ts";
import {
  type Device,
  DevicePlugin,
  type DevicePluginOptions,
} from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { KubeletBehaviour, KubeletFaults } from "./behaviour.ts";
import type { Endpoint } from "./endpoint.ts";
import { goError } from "./go.ts";
import { PluginChannel, type PluginStream } from "./plugin-channel.ts";

/** What a {@link PluginClient} needs from its kubelet. */
export interface PluginClientContext {
  readonly clock: Clock;
  readonly faults: KubeletFaults;
  readonly behaviour: Pick<KubeletBehaviour, "grpcGo">;
  /** Longest wait for the plugin's socket, ms: 10 000 in client.go, dial. */
  readonly dialTimeoutMs: number;
}

/** One registration of a plugin: the connection and its streams. plugin/v1beta1/client.go. */
export class PluginClient {
  readonly resource: string;
  readonly socketPath: string;
  /** Its endpoint in the device manager, once connected. */
  registered: Endpoint | undefined;
  readonly #context: PluginClientContext;
  readonly #channels: PluginChannel[] = [];
  readonly #streams = new Set<PluginStream>();

  constructor(resource: string, socketPath: string, context: PluginClientContext) {
    this.resource = resource;
    this.socketPath = socketPath;
    this.#context = context;
  }

  /** The socket's file name, as the plugin registered it. */
  get endpoint(): string {
    return basename(this.socketPath);
  }

  /**
   * Dials and reads the options; rejects with the message of Register's answer. A connection whose options
   * call failed stays open, as in client.go, Connect.
   */
  async connect(
    signal: AbortSignal,
  ): Promise<{ channel: PluginChannel; options: DevicePluginOptions }> {
    const { clock, faults } = this.#context;
    if (faults.dialDelayMs > 0) await clock.sleep(faults.dialDelayMs, signal);
    const channel = await this.#dial(signal);
    const options = await this.#options(channel, signal);
    for (let extra = 0; extra < faults.extraConnections; extra += 1) {
      await this.#options(await this.#dial(signal), signal);
    }
    return { channel, options };
  }

  /** Reads lists until the stream ends; resolves with the reason. `onList` receives each full list. */
  async run(channel: PluginChannel, onList: (devices: readonly Device[]) => void): Promise<string> {
    const method = DevicePlugin.method.listAndWatch;
    for (let extra = 0; extra < this.#context.faults.extraStreams; extra += 1) {
      this.#track(channel.stream(method, {}, () => undefined));
    }
    const stream = channel.stream(method, {}, ({ devices }) => onList(devices));
    this.#track(stream);
    return stream.ended;
  }

  #track(stream: PluginStream): void {
    this.#streams.add(stream);
    stream.ended.then(() => this.#streams.delete(stream));
  }

  /** Fault: cancels the streams. The connection stays until the kubelet has noticed. */
  dropStreams(): void {
    for (const stream of this.#streams) stream.cancel();
  }

  /** Fault: stops (and resumes) reading. */
  pauseStreams(paused: boolean): void {
    for (const stream of this.#streams) paused ? stream.pause() : stream.resume();
  }

  /** How many ListAndWatch streams are open. */
  get streamCount(): number {
    return this.#streams.size;
  }

  get isOpen(): boolean {
    return this.#channels.length > 0;
  }

  /** Closes every connection, and with it every call. */
  close(): void {
    for (const channel of this.#channels.splice(0)) channel.close();
  }

  async #dial(signal: AbortSignal): Promise<PluginChannel> {
    try {
      const channel = await PluginChannel.dial(
        this.socketPath,
        this.#context.dialTimeoutMs,
        signal,
        `grpc-go/${this.#context.behaviour.grpcGo}`,
      );
      this.#channels.push(channel);
      return channel;
    } catch (error) {
      throw new Error(`failed to dial device plugin: ${goError(error)}`);
    }
  }

  async #options(channel: PluginChannel, signal: AbortSignal): Promise<DevicePluginOptions> {
    try {
      return await channel.unary(DevicePlugin.method.getDevicePluginOptions, {}, { signal });
    } catch (error) {
      throw new Error(`failed to get device plugin options: ${goError(error)}`);
    }
  }
}
