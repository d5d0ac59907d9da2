import { ErrnoError } from "../../src/linux/errno-error.ts";
import type { VideoFile } from "../../src/v4l2/video-file.ts";
import type { Format, FrameInterval } from "../../src/v4l2/video-structs.ts";

/** include/uapi/asm-generic/errno-base.h */
const EAGAIN = 11;
const EBUSY = 16;
const EINVAL = 22;

/** V4L2_CAP_STREAMING, _READWRITE and _EXT_PIX_FORMAT, which every loopback device has. */
const BASE_CAPS = 0x05200000;

const KEEP_FORMAT = 0x0098f900;
const TIMEOUT = 0x0098f902;
const TIMEOUT_IMAGE_IO = 0x0098f903;

/** include/uapi/asm-generic/errno-base.h */
const EACCES = 13;

/**
 * The inner state of a loopback device, as measured with the real module. With `dies`, it has the bug of 0.12: the end
 * of a writer that only writes removes the device's readiness for output, and the next QUERYCAP makes that permanent.
 */
export class FakeVideoDevice {
  maxOpeners = 10;
  openers = 0;
  readonly controls = new Map<number, number>();
  interval: FrameInterval = { numerator: 1, denominator: 30 };
  format: Format | undefined;
  lastFrame: Uint8Array | undefined;
  /** The image shown when a writer with a timeout stops writing: before 0.14 until the last close. */
  timeoutImage: Uint8Array | undefined;
  /** True if a timeout has passed that no reader has seen. Before 0.14 it outlives the image. */
  timeoutPassed = false;
  /** True if the next open accesses the timeout image instead of the buffers. */
  private imageAsked = false;
  /** File descriptors that access it; real ones are never negative. */
  private readonly onImage = new Set<number>();
  private nextFd = -1;
  private readyForOutput = true;
  private dead = false;
  private readonly exclusive: boolean;
  private readonly dies: boolean;
  /** `timeout_image_io` is a button control from 0.14 on, which can only be set. */
  private readonly hasButton: boolean;
  /** Called after each change that /sys may show. */
  private readonly changed: () => void;

  constructor(exclusive: boolean, dies: boolean, changed: () => void) {
    this.exclusive = exclusive;
    this.dies = dies;
    this.hasButton = !dies;
    this.changed = changed;
  }

  /** True if a writer's frames, or the format it asked to keep, are present. */
  get writing(): boolean {
    return this.lastFrame !== undefined;
  }

  open(): VideoFile {
    if (this.openers >= this.maxOpeners) throw new ErrnoError(EBUSY, "open");
    this.openers++;
    this.changed();
    const fd = this.nextFd--;
    if (this.imageAsked) this.onImage.add(fd);
    this.imageAsked = false;
    let isWriter = false;
    let isOpen = true;
    const refuseStream = () => {
      throw new ErrnoError(EINVAL, "ioctl");
    };
    const refuseDead = () => {
      if (this.dead) throw new ErrnoError(EINVAL, "ioctl");
    };
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      this.onImage.delete(fd);
      if (isWriter) this.readyForOutput = true;
      this.closed();
    };
    return {
      fd,
      queryCapabilities: () => {
        this.dead = this.exclusive && !this.writing && !this.readyForOutput;
        const roles = this.exclusive ? (this.writing ? 1 : this.dead ? 0 : 2) : 3;
        return {
          ...{ driver: "v4l2 loopback", card: "", busInfo: "", version: 0 },
          deviceCaps: BASE_CAPS + roles,
        };
      },
      pixelFormatAt: (_, index) => {
        refuseDead();
        if (index > 0 || this.format === undefined) throw new ErrnoError(EINVAL, "ioctl");
        return this.format.pixelFormat;
      },
      frameSizeAt: (pixelFormat) => {
        if (this.format?.pixelFormat !== pixelFormat) throw new ErrnoError(EINVAL, "ioctl");
        return { width: this.format.width, height: this.format.height };
      },
      getFormat: () => {
        refuseDead();
        if (this.format === undefined) throw new ErrnoError(EINVAL, "ioctl");
        return this.format;
      },
      setFormat: (_, request) => {
        refuseDead();
        const imageBytes = request.width * request.height * 2;
        this.format ??= { ...request, bytesPerLine: request.width * 2, imageBytes };
        return this.format;
      },
      getFrameInterval: () => this.interval,
      setFrameInterval: (_, interval) => {
        this.interval = interval;
        return interval;
      },
      nextControl: () => undefined,
      getControl: (id) => {
        if (id === TIMEOUT_IMAGE_IO && this.hasButton) throw new ErrnoError(EACCES, "ioctl");
        return this.controls.get(id) ?? 0;
      },
      setControl: (id, value) => {
        if (id === TIMEOUT_IMAGE_IO) this.imageAsked = this.hasButton || value === 1;
        const isChanged = this.controls.get(id) !== value;
        if (id === TIMEOUT && isChanged && this.dies && this.format !== undefined) {
          this.timeoutImage ??= new Uint8Array(this.format.imageBytes);
        }
        if (id !== TIMEOUT_IMAGE_IO || !this.hasButton) this.controls.set(id, value);
      },
      getInput: () => 0,
      inputAt: () => ({ name: "loopback", status: 0 }),
      requestBuffers: () => {
        if (!this.onImage.has(fd) || this.format === undefined) return 0;
        this.timeoutImage ??= new Uint8Array(this.format.imageBytes);
        return 1;
      },
      queryBuffer: () => ({ length: this.timeoutImage?.length ?? 0, offset: 0 }),
      // Frames go through write and read alone.
      queueBuffer: () => refuseStream(),
      dequeueBuffer: () => refuseStream(),
      streamOff: () => undefined,
      streamOn: () => {
        isWriter = true;
        if (this.dead) throw new ErrnoError(EINVAL, "ioctl");
      },
      write: (frame) => {
        refuseDead();
        if (this.onImage.has(fd)) {
          this.timeoutImage = frame.slice();
          return frame.byteLength;
        }
        if (this.dies) this.readyForOutput = false;
        this.lastFrame = frame.slice();
        this.changed();
        return frame.byteLength;
      },
      read: (into) => {
        if (this.timeoutPassed && this.dies) {
          if (this.timeoutImage === undefined) throw new Error("the kernel oopses");
          this.timeoutPassed = false;
        }
        if (this.lastFrame === undefined) throw new ErrnoError(EAGAIN, "read");
        into.set(this.lastFrame.subarray(0, into.byteLength));
        return this.lastFrame.byteLength;
      },
      close,
      [Symbol.dispose]: close,
    };
  }

  /** Zeroes a file's mapped memory, if the file is one of this device. */
  zero(fd: number): void {
    if (this.onImage.has(fd)) this.timeoutImage?.fill(0);
  }

  /** Another program's close. */
  closed(): void {
    this.openers--;
    if (this.openers === 0 && this.controls.get(KEEP_FORMAT) !== 1) {
      this.lastFrame = undefined;
      if (!this.hasButton) this.timeoutImage = undefined;
    }
    this.changed();
  }
}
