import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { readSmallFile } from "../../common/files.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import type { PluggedCamera } from "./camera-catalog.ts";

/** Nodes of the same physical device that a container gets with the one of the pictures. */
export type FurtherKind = "metadata" | "media" | "subdevices" | "usb";

/** One of them. */
export interface FurtherNode {
  /** Different from that of any other node of the device, and the same over replugging: `media-0`. */
  readonly name: string;
  /** Path below /dev: `media0`, `bus/usb/001/004`. */
  readonly path: string;
  /** Major and minor as in sysfs, `245:0`. The major of media devices differs from kernel to kernel. */
  readonly number: string;
}

/** The further nodes that a device has now, in the order of `kinds`; what disappears meanwhile is left out. */
export function furtherNodes(
  camera: Pick<PluggedCamera, "nodes" | "main">,
  kinds: readonly FurtherKind[],
  sysfsDir: string,
): FurtherNode[] {
  return kinds.flatMap((kind) =>
    nodesOf[kind](camera, sysfsDir).flatMap(({ path, dir }, at) => {
      const number = readSmallFile(join(dir, "dev"));
      return number === undefined ? [] : [{ name: `${kind}-${at}`, path, number }];
    }),
  );
}

type Find = (
  camera: Pick<PluggedCamera, "nodes" | "main">,
  sysfsDir: string,
) => { readonly path: string; readonly dir: string }[];

const nodesOf: Readonly<Record<FurtherKind, Find>> = {
  metadata: ({ nodes }, sysfsDir) =>
    nodes
      .filter(({ kind }) => kind === "metadata")
      .map(({ number }) => ({
        path: deviceId(number),
        dir: join(sysfsDir, "class/video4linux", deviceId(number)),
      })),
  media: (camera, sysfsDir) => below(camera, sysfsDir, "", /^media\d+$/),
  // Those of the driver itself: sensors have theirs below their own device.
  subdevices: (camera, sysfsDir) => below(camera, sysfsDir, "video4linux", /^v4l-subdev\d+$/),
  usb: ({ main: { parent } }) => {
    const [bus, device] = ["busnum", "devnum"].map((name) =>
      readSmallFile(join(parent.path, name))?.padStart(3, "0"),
    );
    if (bus === undefined || device === undefined) return [];
    return [{ path: `bus/usb/${bus}/${device}`, dir: parent.path }];
  },
};

/** Nodes whose directories are below what the driver of the device is bound to. */
function below(
  { main }: Pick<PluggedCamera, "main">,
  sysfsDir: string,
  part: string,
  name: RegExp,
): { readonly path: string; readonly dir: string }[] {
  const device = join(sysfsDir, "class/video4linux", deviceId(main.number), "device");
  if (!existsSync(device)) return [];
  try {
    const parent = join(realpathSync(device), part);
    return readdirSync(parent)
      .filter((entry) => name.test(entry))
      .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
      .map((entry) => ({ path: basename(entry), dir: join(parent, entry) }));
  } catch {
    return [];
  }
}
