/**
 * All that runs inside of the VMs beside the plugin: `guest PROGRAM ARGUMENTS`, as root. Compiled once and put into
 * each VM, since an executable of Bun is 100 MB.
 */
import { argv } from "node:process";

type Main = (args: readonly string[]) => Promise<number>;

/** Each is loaded when it is asked for. */
const programs: Readonly<Record<string, () => Promise<{ readonly main: Main }>>> = {
  cameras: () => import("./usb-camera/driver-guest.ts"),
  chromium: () => import("../chromium/guest.ts"),
  contract: () => import("../contract/driver-contract-guest.ts"),
  buffers: () => import("../chromium/buffers-guest.ts"),
  driver: () => import("./driver/guest.ts"),
  hello: () => import("./hello.ts"),
  story: () => import("./stories/guest.ts"),
  "watch-cameras": () => import("./stories/watch-cameras.ts"),
};

const [, , name = "", ...args] = argv;
const program = await programs[name]?.();
if (program === undefined) throw new Error(`there is no program "${name}"`);
process.exit(await program.main(args));
