/**
 * The module's `format` attribute for people: `YUYV:640x480@30000/1001` becomes `YUYV 640x480 29.97 fps`.
 * Undefined if it is none (v4l2loopback.c, `attr_show_format`: FourCC, size, rate as a number or a fraction).
 */
export function streamFormat(attribute: string): string | undefined {
  const parts = /^([\x20-\x7e]{4}):(\d+)x(\d+)@(\d+)(?:\/(\d+))?$/.exec(attribute);
  if (parts === null) return undefined;
  const [, fourcc = "", width, height, frames, seconds = "1"] = parts;
  const rate = Number(frames) / Number(seconds);
  const fps = Number.isFinite(rate) && rate > 0 ? ` ${Math.round(rate * 100) / 100} fps` : "";
  return `${fourcc.trimEnd()} ${width}x${height}${fps}`;
}
