import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { ErrnoError, errnoNameOf } from "../linux/errno-error.ts";
import type { LinuxCalls } from "../linux/linux-calls.ts";
import {
  type BufferType,
  type Capabilities,
  capabilityBytes,
  decodeCapabilities,
  decodeControl,
  decodeFormat,
  decodeFormatDescription,
  decodeFrameInterval,
  decodeMappedBuffer,
  encodeControl,
  encodeFormat,
  encodeFormatDescription,
  encodeFrameInterval,
  encodeQueryBuffer,
  encodeRequestBuffers,
  encodeType,
  type Format,
  type FormatRequest,
  type FrameInterval,
  type MappedBuffer,
  VIDIOC,
} from "./video-structs.ts";

/** What a video device needs of the kernel, beyond files. */
export type Ioctl = Pick<LinuxCalls, "ioctl">;

/**
 * An open video device. Every method is one system call, made at once, and throws `ErrnoError` when the
 * kernel refuses. Never waits for frames: the file is non-blocking (EAGAIN).
 */
export interface VideoFile extends Disposable {
  readonly fd: number;
  /** On v4l2loopback before 0.13 this very call makes `dead_caps` of a device in that state. */
  queryCapabilities(): Capabilities;
  /** Pixel formats in the driver's order. */
  formats(type: BufferType): number[];
  getFormat(type: BufferType): Format;
  /** The driver takes what is nearest: the answer counts. */
  setFormat(type: BufferType, request: FormatRequest): Format;
  getFrameInterval(type: BufferType): FrameInterval;
  setFrameInterval(type: BufferType, interval: FrameInterval): FrameInterval;
  getControl(id: number): number;
  setControl(id: number, value: number): void;
  /** Answers with how many buffers there are now; 0 gives them back. */
  requestBuffers(type: BufferType, count: number): number;
  /** Where a buffer of those asked for is to be mapped from. */
  queryBuffer(type: BufferType, index: number): MappedBuffer;
  streamOn(type: BufferType): void;
  streamOff(type: BufferType): void;
  /** Gives a frame; answers with the bytes taken. */
  write(frame: Uint8Array): number;
  /** Takes a frame; undefined if there is none yet (EAGAIN). */
  read(into: Uint8Array): number | undefined;
  close(): void;
}

/**
 * Opens a device for reading and writing, without waiting.
 * @throws ErrnoError ENOENT: no node; ENXIO: a node with nothing behind it; ENODEV: coming or going;
 * EBUSY: as many have it open as may; EACCES or EPERM: its mode, or the device cgroup.
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
    formats(type) {
      const found: number[] = [];
      for (;;) {
        try {
          const bytes = exchange(VIDIOC.ENUM_FMT, encodeFormatDescription(type, found.length));
          found.push(decodeFormatDescription(bytes));
        } catch (error) {
          if (errnoNameOf(error) !== "EINVAL") throw error; // EINVAL is the list's end
          return found;
        }
      }
    },
    getFormat: (type) => decodeFormat(exchange(VIDIOC.G_FMT, encodeFormat(type))),
    setFormat: (type, request) => decodeFormat(exchange(VIDIOC.S_FMT, encodeFormat(type, request))),
    getFrameInterval: (type) =>
      decodeFrameInterval(exchange(VIDIOC.G_PARM, encodeFrameInterval(type))),
    setFrameInterval: (type, interval) =>
      decodeFrameInterval(exchange(VIDIOC.S_PARM, encodeFrameInterval(type, interval))),
    getControl: (id) => decodeControl(exchange(VIDIOC.G_CTRL, encodeControl(id))),
    setControl: (id, value) => void exchange(VIDIOC.S_CTRL, encodeControl(id, value)),
    requestBuffers: (type, count) =>
      new DataView(exchange(VIDIOC.REQBUFS, encodeRequestBuffers(type, count)).buffer).getUint32(
        0,
        true,
      ),
    queryBuffer: (type, index) =>
      decodeMappedBuffer(exchange(VIDIOC.QUERYBUF, encodeQueryBuffer(type, index))),
    streamOn: (type) => void exchange(VIDIOC.STREAMON, encodeType(type)),
    streamOff: (type) => void exchange(VIDIOC.STREAMOFF, encodeType(type)),
    write: (frame) => fileCall(() => writeSync(fd, frame)),
    read(into) {
      try {
        return fileCall(() => readSync(fd, into));
      } catch (error) {
        if (errnoNameOf(error) !== "EAGAIN") throw error;
        return undefined;
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

function fileCall<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw ErrnoError.from(error) ?? error;
  }
}

/** A second close would close whatever file has the number by then. */
function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
