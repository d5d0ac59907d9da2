import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import type { Config } from "../../config/config.ts";
import { type CameraNode, listCameras } from "../../drivers/camera/index.ts";
import {
  type LoopbackFacts,
  type LoopbackKernel,
  placeholderFrame,
  readLoopbackFacts,
} from "../../drivers/loopback/index.ts";
import { configOption, readInitOnAlloc, readKernelConfig } from "../../linux/kernel-config.ts";
import { type Privileges, readPrivileges } from "../../linux/privileges.ts";
import { readySettings } from "../../plugin/ready-settings.ts";
import type { ListedDevice } from "../../pod-resources/read-answer.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import { rememberedCameras } from "../devices/find-cameras.ts";
import { connects } from "../tools/connects.ts";
import { listOffers, listPodDevices } from "../tools/pods-by-device.ts";

/** All that the doctor checks. */
export interface Facts extends LoopbackFacts {
  readonly config: Config;
  /** Set if `config` counts the devices of several pools, which share the module. */
  readonly isOfAllPools?: true;
  readonly arch: string;
  /** The kernel was built with V4L2 (CONFIG_VIDEO_DEV); undefined if its configuration can't be read. */
  readonly videoBuilt: boolean | undefined;
  readonly privileges: Privileges | undefined;
  /** The kernel clears the memory it hands out; undefined if that is unknown. */
  readonly initOnAlloc: boolean | undefined;
  /** Why ready cameras can't show their placeholder; empty if they can, or if devices are plain ones. */
  readonly placeholder: string;
  /** The devices with hardware behind them, none of which was opened. */
  readonly cameras: readonly PhysicalDevice<CameraNode>[];
  readonly kubelet: {
    readonly directory: string;
    /** `forbidden`: this user may not look into a directory above it. */
    readonly state: "present" | "absent" | "forbidden";
    readonly writable: boolean;
    /** Empty if the kubelet's socket accepts connections, else why not. */
    readonly accepts: string;
  };
  /** Empty if pod-resources answered, else why not. */
  readonly podResources: string;
  /** What to do about that, if the failure says it. Default: what helps where there is no answer at all. */
  readonly podResourcesRemedy?: string | undefined;
  /** Every video device of every pod, of all resources; none if pod-resources did not answer. */
  readonly podDevices: readonly ListedDevice[];
  /** The video devices that the kubelet can allocate, by resource name; none if pod-resources did not answer. */
  readonly offers: ReadonlyMap<string, readonly string[]>;
}

/** Gathers all facts. What is missing is a fact, too: it doesn't reject for that. */
export async function gatherFacts(config: Config, kernel?: LoopbackKernel): Promise<Facts> {
  const loopback = readLoopbackFacts(config, kernel);
  const { kernelRelease } = loopback;
  const kernelConfig = readKernelConfig({ modulesDir: config.modulesDir, kernelRelease });
  const directory = dirname(config.kubeletSocket);
  return {
    ...loopback,
    config,
    arch: process.arch,
    videoBuilt: kernelConfig && configOption(kernelConfig, "VIDEO_DEV") !== undefined,
    privileges: readPrivileges(),
    initOnAlloc: readInitOnAlloc({ kernelRelease }),
    placeholder: placeholderTrouble(config),
    cameras: await listCameras(config, undefined, rememberedCameras(config.stateDir)),
    kubelet: {
      directory,
      state: stateOf(directory),
      writable: isWritable(directory),
      accepts: await connects(config.kubeletSocket),
    },
    ...(await askPodResources(config.podResourcesSocket)),
  };
}

/** Why ready cameras can't show their placeholder; empty if they can, or if devices are plain ones. */
export function placeholderTrouble(config: Config): string {
  const settings = readySettings(config);
  try {
    if (settings !== undefined) placeholderFrame(settings, { id: "" });
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

async function askPodResources(
  socket: string,
): Promise<Pick<Facts, "podResources" | "podResourcesRemedy" | "podDevices" | "offers">> {
  try {
    const podDevices = await listPodDevices(socket);
    const offers = await listOffers(socket).catch(() => new Map<string, string[]>());
    return { podResources: "", podDevices, offers };
  } catch (error) {
    const { message, remedy } = PluginError.from(error);
    return {
      podResources: message,
      podResourcesRemedy: remedy,
      podDevices: [],
      offers: new Map(),
    };
  }
}

function stateOf(directory: string): Facts["kubelet"]["state"] {
  try {
    return statSync(directory).isDirectory() ? "present" : "absent";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES" ? "forbidden" : "absent";
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** True if this user may write to the directory, or create it and those above it. */
export function mayWrite(directory: string): boolean {
  if (!existsSync(directory)) return mayWrite(dirname(directory));
  return stateOf(directory) === "present" && isWritable(directory);
}
