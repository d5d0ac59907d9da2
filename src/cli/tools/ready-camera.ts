import { basename, join } from "node:path";
import { PluginError } from "../../common/plugin-error.ts";
import { systemSources } from "../../config/system-sources.ts";
import { readyVariables } from "../../devices/container-path.ts";
import { findPair } from "../../drivers/loopback/index.ts";
import { type FrameFormat, frameFormats } from "../../frames/encode.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import type { Holder } from "../../v4l2/holders.ts";
import type { FrameSize } from "../../v4l2/video-structs.ts";
import { holdersOf } from "./holders.ts";
import { findTarget, type Target, type TargetPlaces } from "./target.ts";

/** A ready camera that the user has named, by its camera or by its feed. */
export interface ReadyCamera {
  /** Reads come from it. */
  readonly camera: Target;
  /** Writes go to it. */
  readonly feed: Target;
  /** What frames have to be. */
  readonly frames: { readonly size: FrameSize; readonly format: FrameFormat };
}

/** `YU12:1280x720@30`, of sysfs. */
const pinnedFormat = /^(\w{4}):(\d+)x(\d+)\b/;

/**
 * The ready camera of a target; undefined if it is a plain device, or a ready camera that the plugin does not hold.
 *
 * @param variable See the option `container-device-env`: a container has a feed under a path of its own.
 * @throws PluginError `not_supported` if its format is one that this program can't write.
 */
export function readyCameraOf(
  target: Target,
  places: TargetPlaces,
  variable: string,
  env = systemSources([]).env,
): ReadyCamera | undefined {
  const pair = target.number === undefined ? undefined : findPair(target.number, places.sysfsDir);
  const [, fourcc = "", width, height] = pinnedFormat.exec(pair?.camera.format ?? "") ?? [];
  if (pair === undefined || fourcc === "") return undefined;
  const paths = containerPaths(variable, env);
  const place = (number: number): Target =>
    target.number === number
      ? target
      : (paths.map((path) => findTarget(path, places)).find((one) => one.number === number) ??
        findTarget(join(places.deviceDir, deviceId(number)), places));
  const format = frameFormats.find((name) => name === fourcc);
  if (format === undefined) {
    throw new PluginError(
      "not_supported",
      `${basename(target.path)} is a ready camera with ${fourcc} frames, which this command can't make.`,
    );
  }
  return {
    camera: place(pair.camera.number),
    feed: place(pair.feed.number),
    frames: { size: { width: Number(width), height: Number(height) }, format },
  };
}

/**
 * Processes beside the plugin that hold camera or feed open, as far as this process can see them. The plugin is the
 * process that holds both.
 */
export function usersOf({ camera, feed }: Pick<ReadyCamera, "camera" | "feed">): {
  readonly readers: readonly Holder[];
  readonly writers: readonly Holder[];
} {
  const [onCamera, onFeed] = [holdersOf(camera), holdersOf(feed)];
  const isIn = (holders: readonly Holder[], pid: number) => holders.some((one) => one.pid === pid);
  return {
    readers: onCamera.filter(({ pid }) => !isIn(onFeed, pid)),
    writers: onFeed.filter(({ pid }) => !isIn(onCamera, pid)),
  };
}

/** The paths that Allocate's variables have for ready cameras, in this container. */
function containerPaths(variable: string, env: Readonly<Record<string, string | undefined>>) {
  const { camera, feed } = readyVariables(variable);
  return [camera, feed].flatMap((name) =>
    (env[`${name}S`] ?? "").split(",").filter((path) => path !== ""),
  );
}
