import { closeSync, mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceNumber } from "../../src/linux/device-number.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { deviceId } from "../../src/v4l2/device-ids.ts";
import { FakeVideoSysfs } from "./fake-video-sysfs.ts";

/** A node has to be a character device that can be opened: the number of /dev/null. */
const nodeNumber: DeviceNumber = { major: 1, minor: 3 };

/** include/uapi/linux/netlink.h: the first type that is a message of the protocol, and what makes the kernel take it. */
const NLMSG_MIN_TYPE = 0x10;
const NLM_F_REQUEST = 1;
const headerBytes = 16;

/** What the kernel gives a camera that is plugged in. */
export interface FakePlace {
  /** Numbers of its nodes. Default: two of the port's own, from 0 on. */
  readonly numbers?: readonly number[];
  /** Device number of its nodes, which has to be that of a driver that anything may open. Default: /dev/null's. */
  readonly device?: DeviceNumber;
}

/**
 * USB cameras for a compiled plugin as root: a fake /sys, and nodes of /dev/null, so that the child process that asks a node
 * begins, opens it and ends as on a host. The kernel passes uevents on that root sends it (Linux 4.18, uevent_net_rcv_skb), to
 * this network namespace.
 */
export class FakeWebcams implements Disposable {
  /** Where the nodes are. */
  readonly deviceDir: string;
  readonly #sysfs = new FakeVideoSysfs();
  readonly #ownDir: string | undefined;
  readonly #calls = linuxCalls();
  readonly #uevents = this.#calls.openUevents();
  /** Numbers of the nodes of the camera at each port. */
  readonly #plugged = new Map<number, readonly number[]>();

  /** @param deviceDir Stays. Default: a directory of its own, which is removed. */
  constructor(deviceDir?: string) {
    if (deviceDir === undefined) this.#ownDir = mkdtempSync(join(tmpdir(), "vdp-webcams-dev-"));
    this.deviceDir = deviceDir ?? this.#ownDir ?? "";
  }

  get sysfsDir(): string {
    return this.#sysfs.dir;
  }

  /**
   * Plugs a camera in; returns when the kernel has passed on its last uevent.
   *
   * @param port A number from 1 on.
   * @throws ErrnoError EEXIST if there is a node of that number, which stays.
   */
  plug(port: number, { numbers = nodesOf(port), device = nodeNumber }: FakePlace = {}): void {
    const made: number[] = [];
    this.#plugged.set(port, made);
    for (const number of numbers) {
      this.#calls.makeCharDevice(this.#node(number), 0o660, device);
      made.push(number);
    }
    this.#sysfs.addUsb(String(port), `S${port}`, numbers);
    for (const number of numbers) {
      this.#sysfs.put(`${devicePath(port)}/video${number}/dev`, `${device.major}:${device.minor}`);
    }
    for (const number of numbers) this.#send("add", port, number);
  }

  /** Unplugs it; returns when the kernel has passed on its first uevent. */
  unplug(port: number): void {
    const numbers = this.#plugged.get(port) ?? [];
    this.#sysfs.removeUsb(String(port));
    this.#removeNodes(port);
    for (const number of numbers) this.#send("remove", port, number);
  }

  [Symbol.dispose](): void {
    closeSync(this.#uevents);
    for (const port of [...this.#plugged.keys()]) this.#removeNodes(port);
    this.#sysfs.remove();
    if (this.#ownDir !== undefined) rmSync(this.#ownDir, { recursive: true });
  }

  #node(number: number): string {
    return join(this.deviceDir, deviceId(number));
  }

  /** Removes those alone that were made here. */
  #removeNodes(port: number): void {
    for (const number of this.#plugged.get(port) ?? []) rmSync(this.#node(number));
    this.#plugged.delete(port);
  }

  #send(action: "add" | "remove", port: number, number: number): void {
    const text = Buffer.from(`${action}@/${devicePath(port)}/video${number}\0ACTION=${action}\0`);
    const message = Buffer.alloc(headerBytes + text.length);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(NLMSG_MIN_TYPE, 4);
    message.writeUInt16LE(NLM_F_REQUEST, 6);
    message.set(text, headerBytes);
    writeSync(this.#uevents, message);
  }
}

function nodesOf(port: number): readonly number[] {
  return [2 * port - 2, 2 * port - 1];
}

/** Below /sys, of the nodes of the camera at a port. */
function devicePath(port: number): string {
  return `devices/pci0000:00/0000:00:14.0/usb1/1-${port}/1-${port}:1.0/video4linux`;
}
