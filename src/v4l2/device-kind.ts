/**
 * What a video node is for.
 * - `camera`: captures pictures, and plain programs can use it; capture cards too.
 * - `codec`: takes pictures in and gives others back (memory-to-memory): decoders, encoders, scalers.
 * - `output`: takes pictures only.
 * - `metadata`: carries no pictures, such as the second node of each USB webcam.
 * - `media_controller`: a stage of a pipeline, of no use until a program has set that up through /dev/mediaN.
 * - `other`: radio, VBI, touch pads and the like.
 */
export type DeviceKind = "camera" | "codec" | "output" | "metadata" | "media_controller" | "other";

/** Bits of `V4L2_CAP_*`, include/uapi/linux/videodev2.h. */
const CAP_CAPTURE = 0x1 | 0x1000;
const CAP_OUTPUT = 0x2 | 0x2000;
const CAP_M2M = 0x8000 | 0x4000;
const CAP_METADATA = 0x0080_0000 | 0x0800_0000;
const CAP_TOUCH = 0x1000_0000;
const CAP_IO_MC = 0x2000_0000;

/**
 * Classifies a node by the `device_caps` of its QUERYCAP. `capabilities` would be wrong: it is the union of all nodes of
 * the device, so the metadata node of a webcam claims to capture, too.
 */
export function classify(deviceCaps: number): DeviceKind {
  const has = (bits: number) => (deviceCaps & bits) !== 0;
  if (has(CAP_IO_MC)) return "media_controller";
  if (has(CAP_M2M)) return "codec";
  if (has(CAP_TOUCH)) return "other";
  if (has(CAP_CAPTURE)) return "camera";
  if (has(CAP_OUTPUT)) return "output";
  return has(CAP_METADATA) ? "metadata" : "other";
}

/**
 * Guesses what a node is that can't be asked. uvcvideo registers a node for pictures and then one for metadata, stream by
 * stream (drivers/media/usb/uvc/uvc_driver.c, uvc_register_chains). Undefined for any other driver.
 */
export function guessKind(driver: string | undefined, index: number): DeviceKind | undefined {
  if (driver !== "uvcvideo") return undefined;
  return index % 2 === 0 ? "camera" : "metadata";
}
