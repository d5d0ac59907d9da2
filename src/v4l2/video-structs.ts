/**
 * Numbers and structs of V4L2's user API (include/uapi/linux/videodev2.h), as a 64-bit kernel has them on x86_64 and
 * aarch64, both little-endian. Pure; the calls are in `video-file.ts`.
 */

/** Request numbers. They contain the struct's size, and most are above 2^31. */
export const VIDIOC = {
  QUERYCAP: 0x80685600,
  ENUM_FMT: 0xc0405602,
  G_FMT: 0xc0d05604,
  S_FMT: 0xc0d05605,
  REQBUFS: 0xc0145608,
  QUERYBUF: 0xc0585609,
  QBUF: 0xc058560f,
  DQBUF: 0xc0585611,
  STREAMON: 0x40045612,
  STREAMOFF: 0x40045613,
  G_PARM: 0xc0cc5615,
  S_PARM: 0xc0cc5616,
  G_CTRL: 0xc008561b,
  S_CTRL: 0xc008561c,
  ENUMINPUT: 0xc050561a,
  G_INPUT: 0x80045626,
  ENUM_FRAMESIZES: 0xc02c564a,
  QUERY_EXT_CTRL: 0xc0e85667,
} as const;

/** `enum v4l2_buf_type`: readers use `capture`, writers `output`. */
const bufferTypes = { capture: 1, output: 2 } as const;
export type BufferType = keyof typeof bufferTypes;

/** `V4L2_MEMORY_MMAP`. */
const MEMORY_MMAP = 1;

/** `V4L2_CAP_*`, as they appear in `deviceCaps`. */
export const CAP_VIDEO_CAPTURE = 0x1;
export const CAP_VIDEO_OUTPUT = 0x2;
export const CAP_READWRITE = 0x0100_0000;
export const CAP_STREAMING = 0x0400_0000;

/** Four-character codes by their names in V4L2: packed, planar and half planar YUV, grey, 24 bit RGB. */
export const pixelFormats = {
  YUYV: 0x56595559,
  YU12: 0x32315559,
  NV12: 0x3231564e,
  GREY: 0x59455247,
  RGB24: 0x33424752,
} as const;

/** `"YUYV"` for 0x56595559; bytes that aren't printable become `?`. */
export function fourcc(pixelFormat: number): string {
  const bytes = [0, 8, 16, 24].map((shift) => (pixelFormat >>> shift) & 0xff);
  return bytes.map((byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : "?")).join("");
}

/** Size of a `struct v4l2_capability`. */
export const capabilityBytes = 104;

export interface Capabilities {
  /** `uvcvideo`, for example. */
  readonly driver: string;
  /** The card label. */
  readonly card: string;
  /** `usb-0000:00:14.0-1`, or `platform:` with the driver's name. */
  readonly busInfo: string;
  /** The kernel's version, not the driver's. */
  readonly version: number;
  /** Bits of `V4L2_CAP_*` of this node. */
  readonly deviceCaps: number;
}

/** Reads a `struct v4l2_capability` that QUERYCAP has filled in. */
export function decodeCapabilities(bytes: Uint8Array): Capabilities {
  const view = viewOf(bytes);
  return {
    driver: textAt(bytes, 0, 16),
    card: textAt(bytes, 16, 32),
    busInfo: textAt(bytes, 48, 32),
    version: view.getUint32(80, true),
    deviceCaps: view.getUint32(88, true),
  };
}

/** Size of a `struct v4l2_format`. Its union contains pointers, so it begins at 8. */
export const formatBytes = 208;

/** The format that a writer asks for. */
export interface FormatRequest {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Of {@link pixelFormats}, or any other code. */
  readonly pixelFormat: number;
}

/** The format that the driver has set. */
export interface Format extends FormatRequest {
  readonly bytesPerLine: number;
  /** Bytes of a frame; drivers may round up. */
  readonly imageBytes: number;
}

/** `V4L2_FIELD_NONE`: whole frames, not interlaced. */
const FIELD_NONE = 1;

/** A `struct v4l2_format` for S_FMT, or without a request for G_FMT. */
export function encodeFormat(type: BufferType, request?: FormatRequest): Uint8Array {
  const bytes = new Uint8Array(formatBytes);
  const view = viewOf(bytes);
  view.setUint32(0, bufferTypes[type], true);
  if (request === undefined) return bytes;
  view.setUint32(8, request.width, true);
  view.setUint32(12, request.height, true);
  view.setUint32(16, request.pixelFormat, true);
  view.setUint32(20, FIELD_NONE, true);
  return bytes;
}

/** Reads the pixel format (`fmt.pix`) of a `struct v4l2_format`. */
export function decodeFormat(bytes: Uint8Array): Format {
  const at = (offset: number) => viewOf(bytes).getUint32(offset, true);
  return {
    ...{ width: at(8), height: at(12), pixelFormat: at(16) },
    ...{ bytesPerLine: at(24), imageBytes: at(28) },
  };
}

/** A `struct v4l2_fmtdesc` for ENUM_FMT. */
export function encodeFormatIndex(type: BufferType, index: number): Uint8Array {
  const bytes = new Uint8Array(64);
  viewOf(bytes).setUint32(0, index, true);
  viewOf(bytes).setUint32(4, bufferTypes[type], true);
  return bytes;
}

/** Reads the pixel format of a `struct v4l2_fmtdesc`. */
export function decodePixelFormat(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(44, true);
}

/** A frame size, in pixels. */
export type FrameSize = Pick<FormatRequest, "width" | "height">;

/** `V4L2_FRMSIZE_TYPE_DISCRETE`. */
const discreteSize = 1;

/** A `struct v4l2_frmsizeenum` for ENUM_FRAMESIZES. */
export function encodeFrameSizeIndex(pixelFormat: number, index: number): Uint8Array {
  const bytes = new Uint8Array(44);
  viewOf(bytes).setUint32(0, index, true);
  viewOf(bytes).setUint32(4, pixelFormat, true);
  return bytes;
}

/** Reads a `struct v4l2_frmsizeenum`; undefined if it has a range of sizes. */
export function decodeFrameSize(bytes: Uint8Array): FrameSize | undefined {
  const at = (offset: number) => viewOf(bytes).getUint32(offset, true);
  return at(8) === discreteSize ? { width: at(12), height: at(16) } : undefined;
}

/** Size of a `struct v4l2_streamparm`; the frame interval is a fraction of a second at 12 for both types. */
export const streamParametersBytes = 204;

/** Seconds per frame, as a fraction: 1/30. */
export interface FrameInterval {
  readonly numerator: number;
  readonly denominator: number;
}

/** A `struct v4l2_streamparm` for S_PARM, or without an interval for G_PARM. */
export function encodeFrameInterval(type: BufferType, interval?: FrameInterval): Uint8Array {
  const bytes = new Uint8Array(streamParametersBytes);
  const view = viewOf(bytes);
  view.setUint32(0, bufferTypes[type], true);
  view.setUint32(12, interval?.numerator ?? 0, true);
  view.setUint32(16, interval?.denominator ?? 0, true);
  return bytes;
}

/** Reads the frame interval (`timeperframe`) of a `struct v4l2_streamparm`. */
export function decodeFrameInterval(bytes: Uint8Array): FrameInterval {
  const view = viewOf(bytes);
  return { numerator: view.getUint32(12, true), denominator: view.getUint32(16, true) };
}

/** A `struct v4l2_control` for S_CTRL, or without a value for G_CTRL. */
export function encodeControl(id: number, value = 0): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setUint32(0, id, true);
  viewOf(bytes).setInt32(4, value, true);
  return bytes;
}

/** Reads the value of a `struct v4l2_control`. */
export function decodeControl(bytes: Uint8Array): number {
  return viewOf(bytes).getInt32(4, true);
}

/** A `struct v4l2_requestbuffers` for `count` buffers in the driver's memory. */
export function encodeRequestBuffers(type: BufferType, count: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = viewOf(bytes);
  view.setUint32(0, count, true);
  view.setUint32(4, bufferTypes[type], true);
  view.setUint32(8, MEMORY_MMAP, true);
  return bytes;
}

/** Size of a `struct v4l2_buffer`. */
const bufferBytes = 88;

/** A buffer in the driver's memory, as mmap(2) needs it. */
export interface MappedBuffer {
  /** Bytes. */
  readonly length: number;
  /** Its place in the file. */
  readonly offset: number;
}

/** A `struct v4l2_buffer` for QUERYBUF, QBUF or DQBUF of a buffer in the driver's memory; DQBUF ignores the index. */
export function encodeQueryBuffer(type: BufferType, index: number): Uint8Array {
  const bytes = new Uint8Array(bufferBytes);
  viewOf(bytes).setUint32(0, index, true);
  viewOf(bytes).setUint32(4, bufferTypes[type], true);
  viewOf(bytes).setUint32(60, MEMORY_MMAP, true);
  return bytes;
}

/** Reads length and offset (`m.offset`) of a `struct v4l2_buffer` in the driver's memory. */
export function decodeMappedBuffer(bytes: Uint8Array): MappedBuffer {
  const view = viewOf(bytes);
  return { length: view.getUint32(72, true), offset: view.getUint32(64, true) };
}

/** A buffer that DQBUF has returned, filled by the driver. */
export interface FilledBuffer {
  readonly index: number;
  /** Bytes. */
  readonly used: number;
  /** True if the driver lost data of this frame (`V4L2_BUF_FLAG_ERROR`). */
  readonly isDamaged: boolean;
}

/** Reads a `struct v4l2_buffer` that DQBUF has filled in. */
export function decodeFilledBuffer(bytes: Uint8Array): FilledBuffer {
  const at = (offset: number) => viewOf(bytes).getUint32(offset, true);
  return { index: at(0), used: at(8), isDamaged: (at(12) & 0x40) !== 0 };
}

/** The `int` to which STREAMON and STREAMOFF take a pointer. */
export function encodeType(type: BufferType): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setInt32(0, bufferTypes[type], true);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** UTF-8 up to the first NUL. */
function textAt(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString();
}
