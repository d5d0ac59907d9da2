/** A line of `v4l2-tool query`. Outcomes are errno names, "0" for success; absent if never tried. */
export interface QueriedDevice {
  readonly device: string;
  readonly open: string;
  readonly querycap?: string;
  readonly driver?: string;
  readonly card?: string;
  readonly bus_info?: string;
  readonly capabilities?: number;
  readonly device_caps?: number;
  /** With --try-format: S_FMT of YUYV 64x48 for OUTPUT, then G_FMT for CAPTURE. */
  readonly s_fmt_output?: string;
  readonly g_fmt_capture?: string;
}

/** linux/videodev2.h V4L2_CAP_*, as they appear in `device_caps`. */
export const CAP_VIDEO_CAPTURE = 0x1;
export const CAP_VIDEO_OUTPUT = 0x2;

/** Reads the output of `v4l2-tool query`, in the order of the device numbers. */
export function parseQuery(output: string): QueriedDevice[] {
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as QueriedDevice);
}

/** What a device says it can do, of capture and output: "output" is an idle exclusive one. */
export function roleOf(device: QueriedDevice): "capture" | "output" | "both" | "neither" {
  const caps = device.device_caps ?? 0;
  const capture = (caps & CAP_VIDEO_CAPTURE) !== 0;
  const output = (caps & CAP_VIDEO_OUTPUT) !== 0;
  if (capture) return output ? "both" : "capture";
  return output ? "output" : "neither";
}
