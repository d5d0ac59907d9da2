import { closeSync, mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { deviceId } from "../../src/v4l2/device-ids.ts";
import { FakeVideoSysfs } from "../support/fake-video-sysfs.ts";

/** A node has to be a character device that can be opened: the number of /dev/null. */
const nodeNumber = { major: 1, minor: 3 };

/** include/uapi/linux/netlink.h: the first type that is a message of the protocol, and what makes the kernel take it. */
const NLMSG_MIN_TYPE = 0x10;
const NLM_F_REQUEST = 1;
const headerBytes = 16;

/**
 * USB cameras for a compiled plugin as root: a fake /sys, and nodes of /dev/null, so that the child process that asks a node
 * begins, opens it and ends as on a host. The kernel passes uevents on that root sends it (Linux 4.18, uevent_net_rcv_skb), to
 * this network namespace.
 */
export class FakeWebcams implements Disposable {
  readonly #sysfs = new FakeVideoSysfs();
  readonly deviceDir = mkdtempSync(join(tmpdir(), "vdp-bench-dev-"));
  readonly #calls = linuxCalls();
  readonly #uevents = this.#calls.openUevents();

  get sysfsDir(): string {
    return this.#sysfs.dir;
  }

  /** Nodes of the camera at a port, which is a number from 1 on. */
  #nodesOf(port: number): readonly number[] {
    return [2 * port - 2, 2 * port - 1];
  }

  /** Plugs a camera in; returns when the kernel has passed on its last uevent. */
  plug(port: number): void {
    const numbers = this.#nodesOf(port);
    this.#sysfs.addUsb(String(port), `S${port}`, numbers);
    for (const number of numbers) {
      const { major, minor } = nodeNumber;
      this.#sysfs.put(`${devicePath(port)}/video${number}/dev`, `${major}:${minor}`);
      this.#calls.makeCharDevice(join(this.deviceDir, deviceId(number)), 0o660, nodeNumber);
    }
    for (const number of numbers) this.#send("add", port, number);
  }

  /** Unplugs it; returns when the kernel has passed on its first uevent. */
  unplug(port: number): void {
    this.#sysfs.removeUsb(String(port));
    for (const number of this.#nodesOf(port)) rmSync(join(this.deviceDir, deviceId(number)));
    for (const number of this.#nodesOf(port)) this.#send("remove", port, number);
  }

  [Symbol.dispose](): void {
    closeSync(this.#uevents);
    this.#sysfs.remove();
    rmSync(this.deviceDir, { recursive: true });
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

/** Below /sys, of the nodes of the camera at a port. */
function devicePath(port: number): string {
  return `devices/pci0000:00/0000:00:14.0/usb1/1-${port}/1-${port}:1.0/video4linux`;
}
