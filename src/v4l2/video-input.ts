/** Inputs of a capture device as VIDIOC_ENUMINPUT shows them (include/uapi/linux/videodev2.h). Pure. */

/** `present` if a source feeds an input, such as a computer that is plugged into an HDMI socket and turned on. */
export type Signal = "present" | "missing";

export interface VideoInput {
  /** `HDMI 0`, for example. */
  readonly name: string;
  /** Bits of `V4L2_IN_ST_*`; 0 also of a driver that does not know. */
  readonly status: number;
}

/** Size of a `struct v4l2_input`. */
const inputBytes = 80;

/** A `struct v4l2_input` for the input at an index. */
export function encodeInputIndex(index: number): Uint8Array {
  const bytes = new Uint8Array(inputBytes);
  new DataView(bytes.buffer).setUint32(0, index, true);
  return bytes;
}

/** Reads a `struct v4l2_input`. */
export function decodeInput(bytes: Uint8Array): VideoInput {
  const name = Buffer.from(bytes.subarray(4, 36)).toString();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { name: name.replace(/\0.*/s, ""), status: view.getUint32(56, true) };
}

/** `V4L2_IN_ST_*` of an input that has no picture: NO_POWER, NO_SIGNAL, NO_H_LOCK, NO_V_LOCK, NO_SYNC, NO_CARRIER. */
const noSignal = 0x1 | 0x2 | 0x100 | 0x400 | 0x1_0000 | 0x4_0000;

/** What the status of an input says of its signal. */
export function signalOf({ status }: VideoInput): Signal {
  return (status & noSignal) === 0 ? "present" : "missing";
}
