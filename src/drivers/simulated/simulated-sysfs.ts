import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A directory in the place of /sys, as Linux 6.1 shows video devices there (measured with uvcvideo and vivid). */
export class SimulatedSysfs {
  readonly dir: string;
  #nodes = 0;
  #devnum = 1;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** A USB camera at port `ports` of a PC's controller. Its nodes have these numbers. */
  addUsb(ports: string, serial: string, numbers: readonly number[]): string {
    const device = `devices/pci0000:00/0000:00:14.0/usb1/1-${ports}`;
    this.put(`${device}/idVendor`, "046d");
    this.put(`${device}/idProduct`, "0825");
    this.put(`${device}/devnum`, String(++this.#devnum));
    if (serial !== "") this.put(`${device}/serial`, serial);
    this.addNodes(`${device}/1-${ports}:1.0`, "uvcvideo", "usb", "Webcam C270", numbers);
    return join(this.dir, device);
  }

  /** Removes the USB device at a port, as the kernel does when the cable is pulled. */
  removeUsb(ports: string): void {
    const device = join(this.dir, `devices/pci0000:00/0000:00:14.0/usb1/1-${ports}`);
    const classDir = join(this.dir, "class/video4linux");
    for (const name of readdirSync(classDir)) {
      if (readlinkSync(join(classDir, name)).startsWith(`${device}/`)) rmSync(join(classDir, name));
    }
    rmSync(device, { recursive: true });
  }

  addNodes(
    parent: string,
    driver: string,
    bus: string,
    name: string,
    numbers: readonly number[],
  ): void {
    this.#link(`${parent}/driver`, `bus/${bus}/drivers/${driver}`);
    this.#link(`${parent}/subsystem`, `bus/${bus}`);
    for (const [index, number] of numbers.entries()) {
      this.addNode(parent, number, { name, index: String(index) }, parent);
    }
  }

  /**
   * @param parent Directory that gets the node's.
   * @param device What the node belongs to; none for a device without hardware.
   */
  addNode(
    parent: string,
    number: number,
    attributes: Readonly<Record<string, string>>,
    device?: string,
  ): void {
    const dir = `${parent}/video4linux/video${number}`;
    this.put(`${dir}/dev`, `81:${this.#nodes++}`);
    for (const [name, text] of Object.entries(attributes)) this.put(`${dir}/${name}`, text);
    if (device !== undefined) this.#link(`${dir}/device`, device);
    // Last: that of class/ is how a node is found.
    this.#link(`class/video4linux/video${number}`, dir);
  }

  put(path: string, text: string): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    writeFileSync(join(this.dir, path), `${text}\n`);
  }

  #link(path: string, to: string): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    rmSync(join(this.dir, path), { force: true });
    symlinkSync(join(this.dir, to), join(this.dir, path));
  }
}
