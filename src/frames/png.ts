import { encode } from "fast-png";
import type { Picture } from "./picture.ts";

/** A picture as a PNG file (RFC 2083): 8-bit RGB. */
export function encodePng({ width, height, data }: Picture): Uint8Array {
  return encode({ width, height, data, depth: 8, channels: 3 });
}
