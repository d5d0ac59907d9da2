/** A device as the kubelet names it: a resource and an ID, and no path. */
export interface ResourceDevice {
  /** `meeting-baas.io/video-devices` */
  readonly resourceName: string;
  /** `video10` */
  readonly deviceId: string;
}

/** Highest number of a video device (VIDEO_NUM_DEVICES, drivers/media/v4l2-core/v4l2-dev.c: 256 of them). */
const highestNumber = 255;

/** How many pods may share a device of generic-device-plugin for its IDs to be recognised here. */
const recognisedShares = 10;

/** `video10`, or a path that ends with it. */
const videoName = /(?:^|\/)(video(?:0|[1-9]\d{0,2}))$/;

/**
 * The ID that this plugin has for the device of any device plugin (`video10`), if the resource name or the device ID
 * shows that it is a video device; undefined if they don't.
 *
 * - `video10` and `/dev/video10` say so themselves. Other releases of this plugin have such IDs.
 * - smarter-device-manager has a resource for each device, `smarter-devices/video10` (its server.go).
 * - generic-device-plugin has the SHA-1 of a count and a path (its deviceplugin/path.go), which can be computed for a
 *   device that is its own group, under its path in /dev.
 */
export function videoIdOf({ resourceName, deviceId }: ResourceDevice): string | undefined {
  return (
    videoName.exec(deviceId)?.[1] ??
    videoName.exec(resourceName)?.[1] ??
    (/^[0-9a-f]{40}$/.test(deviceId) ? hashedIds().get(deviceId) : undefined)
  );
}

let hashes: ReadonlyMap<string, string> | undefined;

/** Device IDs by their hash; computed when the first such hash is seen, in some milliseconds. */
function hashedIds(): ReadonlyMap<string, string> {
  hashes ??= new Map(
    Array.from({ length: highestNumber + 1 }, (_, number) => `video${number}`).flatMap((id) =>
      Array.from({ length: recognisedShares }, (_, share): [string, string] => [
        Bun.SHA1.hash(`${share}/dev/${id}`, "hex"),
        id,
      ]),
    ),
  );
  return hashes;
}
