import { readFileSync } from "node:fs";
import type { Subprocess } from "bun";
import { eventually } from "./eventually.ts";

/** Ports of each virtual host controller; the first half of them is for USB 2 (CONFIG_USBIP_VHCI_HC_PORTS of Debian is 15). */
const CONTROLLER_PORTS = 30;

/** The ports of so many cameras, over as many controllers as they need; Debian's kernel has eight (CONFIG_USBIP_VHCI_NR_HCS). */
export function usbPorts(count: number): number[] {
  const half = CONTROLLER_PORTS / 2;
  return Array.from(
    { length: count },
    (_, at) => Math.floor(at / half) * CONTROLLER_PORTS + (at % half),
  );
}

export interface UsbCameraOptions {
  readonly port: number;
  readonly serial: string;
  /** Default `Webcam C270`. */
  readonly name?: string;
}

/** A camera that the real uvcvideo drives: a process (usb-camera.c) that answers as one. The module vhci-hcd is loaded. */
export class UsbCamera {
  /** Its name, as the plugin's. */
  readonly id: string;
  readonly #options: UsbCameraOptions;
  #process: Subprocess | undefined;

  constructor(options: UsbCameraOptions) {
    this.#options = options;
    this.id = `usb-046d-0825-${options.serial}`;
  }

  /** Plugs it in, once the kernel is done with what was at the port before. Does not wait for its nodes. */
  async plug(): Promise<void> {
    const { port, serial, name = "Webcam C270" } = this.#options;
    await eventually(`port ${port} is free`, () => isFree(port));
    this.#process = Bun.spawn(["/bin/usb-camera", String(port), "046d:0825", name, serial], {
      // It reads its orders there; at the end of the input it stays as it is.
      ...{ stdin: "ignore", stdout: "ignore", stderr: "inherit" },
    });
  }

  /** Pulls the cable. */
  async unplug(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }
}

/** `VDEV_ST_NULL` of enum usbip_device_status (drivers/usb/usbip/usbip_common.h): nothing is plugged in. */
const FREE = "004";

function isFree(port: number): boolean {
  const controller = Math.floor(port / CONTROLLER_PORTS);
  const file = controller === 0 ? "status" : `status.${controller}`;
  const lines = readFileSync(`/sys/devices/platform/vhci_hcd.0/${file}`, "utf8").split("\n");
  const [, , state] =
    lines.map((line) => line.trim().split(/\s+/)).find((words) => Number(words[1]) === port) ?? [];
  return state === FREE;
}
