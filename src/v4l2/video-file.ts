import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { ErrnoError, errnoNameOf } from "../linux/errno-error.ts";
import type { LinuxCalls } from "../linux/linux-calls.ts";
import { type ControlInfo, decodeControlInfo, encodeNextControl } from "./video-control.ts";
import { decodeInput, encodeInputIndex, type VideoInput } from "./video-input.ts";
import {
  type BufferType,
  type Capabilities,
  capabilityBytes,
  decodeCapabilities,
  decodeControl,
  decodeFilledBuffer,
  decodeFormat,
  decodeFrameInterval,
  decodeFrameSize,
  decodeMappedBuffer,
  decodePixelFormat,
  encodeControl,
  encodeFormat,
  encodeFormatIndex,
  encodeFrameInterval,
  encodeFrameSizeIndex,
  encodeQueryBuffer,
  encodeRequestBuffers,
  encodeType,
  type FilledBuffer,
  type Format,
  type FormatRequest,
  type FrameInterval,
  type FrameSize,
  type MappedBuffer,
  VIDIOC,
} from "./video-structs.ts";

/** The system call that a video device needs beyond `node:fs`. */
export type Ioctl = Pick<LinuxCalls, "ioctl">;

/**
 * An open video device. Every method is one system call, and throws `ErrnoError` if the kernel refuses. None waits for
 * frames: the file is non-blocking (EAGAIN).
 */
export interface VideoFile extends Disposable {
  readonly fd: number;
  queryCapabilities(): Capabilities;
  /** The pixel format at an index of the list, which begins at 0; EINVAL beyond its end. */
  pixelFormatAt(type: BufferType, index: number): number;
  /** The frame size at an index of a pixel format's list; undefined if it is a range of sizes. */
  frameSizeAt(pixelFormat: number, index: number): FrameSize | undefined;
  getFormat(type: BufferType): Format;
  /** Returns the format that the driver has set, which may differ from the request. */
  setFormat(type: BufferType, request: FormatRequest): Format;
  getFrameInterval(type: BufferType): FrameInterval;
  setFrameInterval(type: BufferType, interval: FrameInterval): FrameInterval;
  /** The control with the lowest ID above `id`, compound ones included; undefined if there is none. */
  nextControl(id: number): ControlInfo | undefined;
  getControl(id: number): number;
  setControl(id: number, value: number): void;
  /** The index of the input that is selected; ENOTTY if the driver has no inputs. */
  getInput(): number;
  inputAt(index: number): VideoInput;
  /** Returns how many buffers there are now; `count` 0 releases them. */
  requestBuffers(type: BufferType, count: number): number;
  /** Length and offset for mmap(2) of one of the buffers. */
  queryBuffer(type: BufferType, index: number): MappedBuffer;
  /** Has the driver fill a buffer, or show it. */
  queueBuffer(type: BufferType, index: number): void;
  /** Takes back a buffer; undefined if none is ready yet (EAGAIN). */
  dequeueBuffer(type: BufferType): FilledBuffer | undefined;
  streamOn(type: BufferType): void;
  /** Ends the stream and takes back all buffers. */
  streamOff(type: BufferType): void;
  /** Writes a frame; returns how many bytes the driver took. */
  write(frame: Uint8Array): number;
  /** Reads a frame; undefined if there is none yet (EAGAIN). */
  read(into: Uint8Array): number | undefined;
  close(): void;
}

/**
 * Opens a device for reading and writing, non-blocking.
 * @throws ErrnoError ENOENT: no node; ENXIO: a node without a device; ENODEV: a device that is just being created or
 * removed; EBUSY: the driver allows no more openers; EACCES or EPERM: the node's mode, or the device cgroup.
 */
export function openVideoDevice(path: string, calls: Ioctl): VideoFile {
  try {
    return videoFile(openSync(path, constants.O_RDWR | constants.O_NONBLOCK), calls);
  } catch (error) {
    throw ErrnoError.from(error) ?? error;
  }
}

function videoFile(fd: number, calls: Ioctl): VideoFile {
  const exchange = (request: number, bytes: Uint8Array) => {
    calls.ioctl(fd, request, bytes);
    return bytes;
  };
  const close = once(() => closeSync(fd));
  return {
    fd,
    queryCapabilities: () =>
      decodeCapabilities(exchange(VIDIOC.QUERYCAP, new Uint8Array(capabilityBytes))),
    pixelFormatAt: (type, index) =>
      decodePixelFormat(exchange(VIDIOC.ENUM_FMT, encodeFormatIndex(type, index))),
    frameSizeAt: (pixelFormat, index) =>
      decodeFrameSize(exchange(VIDIOC.ENUM_FRAMESIZES, encodeFrameSizeIndex(pixelFormat, index))),
    getFormat: (type) => decodeFormat(exchange(VIDIOC.G_FMT, encodeFormat(type))),
    setFormat: (type, request) => decodeFormat(exchange(VIDIOC.S_FMT, encodeFormat(type, request))),
    getFrameInterval: (type) =>
      decodeFrameInterval(exchange(VIDIOC.G_PARM, encodeFrameInterval(type))),
    setFrameInterval: (type, interval) =>
      decodeFrameInterval(exchange(VIDIOC.S_PARM, encodeFrameInterval(type, interval))),
    nextControl: (id) =>
      unlessErrno("EINVAL", () =>
        decodeControlInfo(exchange(VIDIOC.QUERY_EXT_CTRL, encodeNextControl(id))),
      ),
    getControl: (id) => decodeControl(exchange(VIDIOC.G_CTRL, encodeControl(id))),
    setControl: (id, value) => void exchange(VIDIOC.S_CTRL, encodeControl(id, value)),
    getInput: () => {
      const bytes = exchange(VIDIOC.G_INPUT, new Uint8Array(4));
      return new DataView(bytes.buffer).getUint32(0, true);
    },
    inputAt: (index) => decodeInput(exchange(VIDIOC.ENUMINPUT, encodeInputIndex(index))),
    requestBuffers: (type, count) =>
      new DataView(exchange(VIDIOC.REQBUFS, encodeRequestBuffers(type, count)).buffer).getUint32(
        0,
        true,
      ),
    queryBuffer: (type, index) =>
      decodeMappedBuffer(exchange(VIDIOC.QUERYBUF, encodeQueryBuffer(type, index))),
    queueBuffer: (type, index) => void exchange(VIDIOC.QBUF, encodeQueryBuffer(type, index)),
    dequeueBuffer: (type) =>
      unlessErrno("EAGAIN", () =>
        decodeFilledBuffer(exchange(VIDIOC.DQBUF, encodeQueryBuffer(type, 0))),
      ),
    streamOn: (type) => void exchange(VIDIOC.STREAMON, encodeType(type)),
    streamOff: (type) => void exchange(VIDIOC.STREAMOFF, encodeType(type)),
    write: (frame) => fileCall(() => writeSync(fd, frame)),
    read: (into) => unlessErrno("EAGAIN", () => fileCall(() => readSync(fd, into))),
    close,
    [Symbol.dispose]: close,
  };
}

function unlessErrno<T>(errno: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoNameOf(error) !== errno) throw error;
    return undefined;
  }
}

function fileCall<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw ErrnoError.from(error) ?? error;
  }
}

/** A second close would close another file that has the same number by then. */
function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
