import { dlopen, toArrayBuffer } from "bun:ffi";
import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoNameOf } from "../../src/linux/errno-error.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";

/**
 * Finds and reads cameras by the system calls of Chromium, in its order (media/capture/video/linux:
 * video_capture_device_factory_v4l2.cc, v4l2_capture_delegate.cc), so that a test without a browser shows what a page
 * would see. test/chromium compares it with the real one on each version of v4l2loopback. Shares no V4L2 code with the
 * plugin.
 */
export class ChromeReader {
  readonly #directory: string;
  readonly #tracks = new Set<ChromeTrack>();

  /** `directory`: where the device nodes are, /dev by default. */
  constructor(directory = "/dev") {
    this.#directory = directory;
  }

  /**
   * `enumerateDevices()`: the cameras, sorted by path as text. It ends the tracks of devices that are no camera now, as
   * in the browser, though frames may still arrive.
   */
  list(): ListedCamera[] {
    const paths = readdirSync(this.#directory).filter((name) => name.startsWith("video"));
    const listed = paths.sort().flatMap((name) => look(join(this.#directory, name)));
    for (const track of this.#tracks) {
      if (!listed.some(({ path }) => path === track.path)) track.end("not listed any more");
    }
    return listed;
  }

  /**
   * `getUserMedia()` with this camera, in the first format that it lists. The track reads until it is disposed or ends.
   *
   * @throws Error NotFoundError if it is not listed, NotReadableError with the system call that failed.
   */
  open(path: string): ChromeTrack {
    const camera = this.list().find((each) => each.path === path);
    if (camera === undefined) throw new Error(`NotFoundError: ${path} is not listed`);
    const track = new ChromeTrack(camera, () => this.#tracks.delete(track));
    this.#tracks.add(track);
    return track;
  }
}

/** A camera as a page sees it. */
export interface ListedCamera {
  readonly path: string;
  /** The card label. */
  readonly label: string;
  readonly format: CameraFormat;
}

/** The first of the formats that a camera lists. */
export interface CameraFormat {
  /** Its four-character code. */
  readonly pixelFormat: string;
  readonly width: number;
  readonly height: number;
}

/** A running track. It ends like one of Chromium: after 10 s without a frame, or at an error of a system call. */
export class ChromeTrack implements Disposable {
  readonly path: string;
  readonly format: CameraFormat;
  /** Whole frames. */
  frames = 0;
  /** Frames with fewer bytes than the format has, which Chromium drops. */
  dropped = 0;
  /** How often the stream was started again after a second without a frame. */
  restarts = 0;
  /** The last whole frame, as the device gave it; empty before the first. */
  lastFrame = new Uint8Array();
  /** Why the track ended, undefined while it is live. */
  endReason: string | undefined;
  readonly #fd: number;
  readonly #ended: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #buffers: { readonly address: bigint; readonly bytes: Uint8Array }[] = [];
  #imageBytes = 0;
  #waitingSince = performance.now();
  #timeouts = 0;

  constructor(camera: ListedCamera, ended: () => void) {
    this.path = camera.path;
    this.format = camera.format;
    this.#ended = ended;
    this.#fd = openSync(camera.path, constants.O_RDWR);
    try {
      this.#configure();
      this.#start();
    } catch (error) {
      this.#release();
      throw new Error(`NotReadableError: ${camera.path}: ${String(error)}`);
    }
    this.#timer = setInterval(() => this.#capture(), POLL_MS);
  }

  /** `live` or `ended`, as `MediaStreamTrack.readyState`. */
  get state(): "live" | "ended" {
    return this.endReason === undefined ? "live" : "ended";
  }

  /**
   * A pixel of the last frame, as a canvas of the page has it: red, green, blue. It is in the middle of the width and at
   * an eighth of the height, where the caption of `testpattern` doesn't reach.
   */
  get pixel(): readonly [number, number, number] | undefined {
    if (this.lastFrame.length === 0) return undefined;
    return shownPixel(this.lastFrame, this.format);
  }

  /** Ends the track for a reason that is not the page's. */
  end(reason: string): void {
    if (this.endReason !== undefined) return;
    this.endReason = reason;
    clearInterval(this.#timer);
    this.#release();
    this.#ended();
  }

  [Symbol.dispose](): void {
    this.end("stopped by the page");
  }

  /** V4L2CaptureDelegate::AllocateAndStart. */
  #configure(): void {
    for (const control of WHITE_BALANCE) attempt(() => exchange(this.#fd, S_CTRL, 8, [control, 0]));
    const { width, height, pixelFormat } = this.format;
    exchange(this.#fd, QUERYCAP, 104, []);
    exchange(this.#fd, ENUM_FMT, 64, [0, CAPTURE]);
    const format = exchange(this.#fd, S_FMT, 208, [
      CAPTURE,
      0,
      width,
      height,
      code(pixelFormat),
      FIELD_NONE,
    ]);
    this.#imageBytes = frameBytes(
      format.getUint32(8, true),
      format.getUint32(12, true),
      pixelFormat,
    );
    const parameters = attempt(() => exchange(this.#fd, G_PARM, 204, [CAPTURE]));
    if (parameters !== undefined && (parameters.getUint32(4, true) & TIME_PER_FRAME) !== 0) {
      attempt(() => exchange(this.#fd, S_PARM, 204, [CAPTURE, 0, 0, 10_000, 300_000]));
    }
  }

  /** V4L2CaptureDelegate::StartStream. */
  #start(): void {
    const count = exchange(this.#fd, REQBUFS, 20, [4, CAPTURE, MMAP]).getUint32(0, true);
    for (let index = 0; index < count; index++) {
      const buffer = exchange(this.#fd, QUERYBUF, 88, bufferWords(index));
      this.#buffers.push(map(this.#fd, buffer.getUint32(72, true), buffer.getUint32(64, true)));
      exchange(this.#fd, QBUF, 88, bufferWords(index));
    }
    exchange(this.#fd, STREAMON, 4, [CAPTURE]);
  }

  /** V4L2CaptureDelegate::StopStream. */
  #stop(): void {
    exchange(this.#fd, STREAMOFF, 4, [CAPTURE]);
    this.#unmap();
    exchange(this.#fd, REQBUFS, 20, [0, CAPTURE, MMAP]);
  }

  /** V4L2CaptureDelegate::DoCapture, whose poll(2) waits; this one looks, so that other work goes on. */
  #capture(): void {
    try {
      const events = poll(this.#fd);
      if (events !== 0) {
        this.#timeouts = 0;
        this.#waitingSince = performance.now();
        if ((events & POLLIN) !== 0) this.#take();
      } else if (performance.now() - this.#waitingSince >= TIMEOUT_MS) {
        this.#waitingSince = performance.now();
        this.#timeouts++;
        if (this.#timeouts === 1) {
          this.#stop();
          this.#start();
          this.restarts++;
        } else if (this.#timeouts >= TIMEOUTS) this.end(`no frame for ${TIMEOUTS} s`);
      }
    } catch (error) {
      this.end(String(error));
    }
  }

  #take(): void {
    const buffer = exchange(this.#fd, DQBUF, 88, bufferWords(0));
    const index = buffer.getUint32(0, true);
    const used = buffer.getUint32(8, true);
    if (used < this.#imageBytes) this.dropped++;
    else {
      this.frames++;
      this.lastFrame = (this.#buffers[index]?.bytes ?? new Uint8Array()).slice(0, this.#imageBytes);
    }
    exchange(this.#fd, QBUF, 88, bufferWords(index));
  }

  #unmap(): void {
    for (const { address, bytes } of this.#buffers) libc().munmap(address, BigInt(bytes.length));
    this.#buffers = [];
  }

  #release(): void {
    attempt(() => exchange(this.#fd, STREAMOFF, 4, [CAPTURE]));
    this.#unmap();
    closeSync(this.#fd);
  }
}

/** kCaptureTimeoutMs and kContinuousTimeoutLimit of v4l2_capture_delegate.cc. */
const TIMEOUT_MS = 1000;
const TIMEOUTS = 10;
/** Far below the 33 ms of a frame. */
const POLL_MS = 5;

/** include/uapi/linux/videodev2.h */
const QUERYCAP = 0x80685600;
const ENUM_FMT = 0xc0405602;
const S_FMT = 0xc0d05605;
const REQBUFS = 0xc0145608;
const QUERYBUF = 0xc0585609;
const QBUF = 0xc058560f;
const DQBUF = 0xc0585611;
const STREAMON = 0x40045612;
const STREAMOFF = 0x40045613;
const G_PARM = 0xc0cc5615;
const S_PARM = 0xc0cc5616;
const S_CTRL = 0xc008561c;
const ENUM_FRAMESIZES = 0xc02c564a;
const ENUM_FRAMEINTERVALS = 0xc034564b;
const CAPTURE = 1;
const OUTPUT_CAPABILITY = 2;
const MMAP = 1;
const FIELD_NONE = 1;
const DISCRETE = 1;
const TIME_PER_FRAME = 0x1000;
/** V4L2_CID_AUTO_WHITE_BALANCE and V4L2_CID_WHITE_BALANCE_TEMPERATURE, of which v4l2loopback has none. */
const WHITE_BALANCE = [0x0098090c, 0x0098091a];

/** GetListOfUsableFourCcs: what v4l2loopback has of it. */
const USABLE = ["YU12", "NV12", "Y16 ", "Z16 ", "INVZ", "YUYV", "RGB3", "MJPG", "JPEG"];

/** VideoCaptureDeviceFactoryV4L2::GetDevicesInfo: the camera, or nothing if this is none. */
function look(path: string): ListedCamera[] {
  const fd = attempt(() => openSync(path, "r"));
  if (fd === undefined) return [];
  try {
    const info = attempt(() => exchange(fd, QUERYCAP, 104, []));
    const capabilities =
      info === undefined ? 0 : info.getUint32(84, true) | info.getUint32(88, true);
    const isCamera = (capabilities & CAPTURE) !== 0 && (capabilities & OUTPUT_CAPABILITY) === 0;
    const format = isCamera ? firstFormat(fd) : undefined;
    if (info === undefined || format === undefined) return [];
    const card = Buffer.from(info.buffer, info.byteOffset + 16, 32).toString();
    return [{ path, label: card.replace(/\0.*/s, ""), format }];
  } finally {
    closeSync(fd);
  }
}

/** The first format that Chromium can use and that has a size and an interval. */
function firstFormat(fd: number): CameraFormat | undefined {
  for (let index = 0; ; index++) {
    const description = attempt(() => exchange(fd, ENUM_FMT, 64, [index, CAPTURE]));
    if (description === undefined) return undefined;
    const pixels = description.getUint32(44, true);
    const name = Buffer.from(new Uint32Array([pixels]).buffer).toString("latin1");
    if (!USABLE.includes(name)) continue;
    const size = attempt(() => exchange(fd, ENUM_FRAMESIZES, 44, [0, pixels]));
    if (size === undefined || size.getUint32(8, true) !== DISCRETE) continue;
    const [width, height] = [size.getUint32(12, true), size.getUint32(16, true)];
    // Without an interval it assumes 0 frames a second, and lists the camera all the same.
    attempt(() => exchange(fd, ENUM_FRAMEINTERVALS, 52, [0, pixels, width, height]));
    return { pixelFormat: name, width, height };
  }
}

const calls = linuxCalls();

/** An ioctl with a struct of `size` bytes that begins with these 32-bit words; the struct as the kernel left it. */
function exchange(fd: number, request: number, size: number, words: readonly number[]): DataView {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true);
  calls.ioctl(fd, request, bytes);
  return view;
}

/** A `struct v4l2_buffer` as far as it is not zero. */
function bufferWords(index: number): number[] {
  const words = Array<number>(16).fill(0);
  [words[0], words[1], words[15]] = [index, CAPTURE, MMAP];
  return words;
}

/** What `call` returns, undefined if the kernel refuses. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoNameOf(error) === undefined) throw error;
    return undefined;
  }
}

function openLibc() {
  return dlopen("libc.so.6", {
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "i64"], returns: "i64" },
    munmap: { args: ["i64", "u64"], returns: "i32" },
  }).symbols;
}
let opened: ReturnType<typeof openLibc> | undefined;
function libc() {
  opened ??= openLibc();
  return opened;
}

const POLLIN = 1;

/** The events of a `struct pollfd` at this moment. */
function poll(fd: number): number {
  const entry = new DataView(new ArrayBuffer(8));
  entry.setInt32(0, fd, true);
  entry.setInt16(4, POLLIN, true);
  if (libc().poll(new Uint8Array(entry.buffer), 1n, 0) < 0) throw new Error("poll failed");
  return entry.getInt16(6, true);
}

/** PROT_READ | PROT_WRITE, MAP_SHARED. */
function map(fd: number, length: number, offset: number) {
  const address = libc().mmap(null, BigInt(length), 3, 1, fd, BigInt(offset));
  if (address === -1n) throw new Error("mmap failed");
  // A pointer is a number to Bun.
  const bytes = new Uint8Array(toArrayBuffer(Number(address) as never, 0, length));
  return { address, bytes };
}

function code(pixelFormat: string): number {
  return Buffer.from(pixelFormat, "latin1").readUInt32LE();
}

/** VideoFrame::AllocationSize. */
function frameBytes(width: number, height: number, pixelFormat: string): number {
  const half = (pixels: number) => Math.ceil(pixels / 2);
  if (pixelFormat === "YU12" || pixelFormat === "NV12") {
    return width * height + 2 * half(width) * half(height);
  }
  if (pixelFormat === "RGB3") return width * height * 3;
  return pixelFormat === "MJPG" || pixelFormat === "JPEG" ? 0 : width * height * 2;
}

/** BT.601 of a limited range, as Chromium shows YUV. */
function shownPixel(
  frame: Uint8Array,
  { width, height, pixelFormat }: CameraFormat,
): readonly [number, number, number] {
  const at = (index: number) => frame[index] ?? 0;
  const [x, y] = [width >> 1, height >> 3];
  if (pixelFormat === "RGB3") {
    const start = (y * width + x) * 3;
    return [at(start), at(start + 1), at(start + 2)];
  }
  const [luma, blue, red] = yuvAt(pixelFormat);
  const scaled = 1.164383 * (luma - 16);
  const channel = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
  return [
    channel(scaled + 1.596027 * (red - 128)),
    channel(scaled - 0.391762 * (blue - 128) - 0.812968 * (red - 128)),
    channel(scaled + 2.017232 * (blue - 128)),
  ];

  function yuvAt(format: string): readonly [number, number, number] {
    const pixels = width * height;
    const chroma = (y >> 1) * (width >> 1) + (x >> 1);
    if (format === "YU12") {
      return [at(y * width + x), at(pixels + chroma), at(pixels + pixels / 4 + chroma)];
    }
    if (format === "NV12") {
      return [at(y * width + x), at(pixels + 2 * chroma), at(pixels + 2 * chroma + 1)];
    }
    const pair = (y * width + (x & ~1)) * 2;
    return [at((y * width + x) * 2), at(pair + 1), at(pair + 3)];
  }
}
