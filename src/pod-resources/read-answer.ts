import { type MessageRule, MessageStream } from "../grpc/message-stream.ts";
import type { Owner } from "./device-owners.ts";
import type { ResourceDevice } from "./video-id.ts";

/** A device of any resource that the kubelet lists for a container. */
export interface ListedDevice extends Owner, ResourceDevice {}

/** Says which devices of an answer to keep. */
export type IsWanted = (device: ResourceDevice) => boolean;

/**
 * Reads the wanted devices out of an answer that comes in pieces. A node with shared GPUs has answers of 20 MB, a
 * quarter of a million devices of other plugins: as messages of protobuf-es they take more memory than the process may
 * have. The field numbers are those of proto/kubelet/podresources/v1/api.proto.
 */
export interface AnswerReader<T> {
  /** @throws RangeError if the bytes are no such answer. */
  push(bytes: Buffer): void;
  /** The devices of the answer, which has ended. @throws RangeError if it is cut off. */
  finish(): readonly T[];
}

/** Reads an answer of `List`. */
export function podDevicesReader(isWanted: IsWanted): AnswerReader<ListedDevice> {
  const devices: ListedDevice[] = [];
  /** Of the pod and of the container that are being read: their names may come after their devices. */
  let ofPod: { readonly container: string; readonly device: ResourceDevice }[] = [];
  let ofContainer: ResourceDevice[] = [];
  let [pod, namespace, container] = ["", "", ""];
  const containerRule: MessageRule = {
    fields: {
      1: (text) => {
        container = text;
      },
      2: deviceRule(isWanted, (device) => ofContainer.push(device)),
    },
    end: () => {
      for (const device of ofContainer) ofPod.push({ container, device });
      ofContainer = [];
      container = "";
    },
  };
  const podRule: MessageRule = {
    fields: {
      1: (text) => {
        pod = text;
      },
      2: (text) => {
        namespace = text;
      },
      3: containerRule,
    },
    end: () => {
      // In this order the log and the metrics show them.
      for (const found of ofPod) {
        devices.push({ namespace, pod, container: found.container, ...found.device });
      }
      ofPod = [];
      [pod, namespace] = ["", ""];
    },
  };
  return readerOf(podRule, devices);
}

/** Reads an answer of `GetAllocatableResources`. */
export function devicesReader(isWanted: IsWanted): AnswerReader<ResourceDevice> {
  const devices: ResourceDevice[] = [];
  return readerOf(
    deviceRule(isWanted, (device) => devices.push(device)),
    devices,
  );
}

/** Reads a message whose field 1 has this rule. */
function readerOf<T>(rule: MessageRule, devices: readonly T[]): AnswerReader<T> {
  const stream = new MessageStream({ fields: { 1: rule } });
  return {
    push: (bytes) => stream.push(bytes),
    finish: () => {
      stream.end();
      return devices;
    },
  };
}

/** Reads a message `ContainerDevices`; the kubelet makes one for each device. */
function deviceRule(isWanted: IsWanted, found: (device: ResourceDevice) => void): MessageRule {
  let resourceName = "";
  let ids: string[] = [];
  return {
    fields: {
      1: (text) => {
        resourceName = text;
      },
      2: (text) => {
        ids.push(text);
      },
    },
    end: () => {
      for (const deviceId of ids) {
        const device = { resourceName, deviceId };
        if (isWanted(device)) found(device);
      }
      ids = [];
      resourceName = "";
    },
  };
}
