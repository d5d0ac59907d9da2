/** Controls of a video device as VIDIOC_QUERY_EXT_CTRL shows them (include/uapi/linux/videodev2.h). Pure. */

/** `V4L2_CTRL_nextControl_CTRL | V4L2_CTRL_nextControl_COMPOUND`, with an ID: the control after that one. */
const nextControl = 0xc000_0000;

/** `enum v4l2_ctrl_type`; all others are read, and never set. */
const types = {
  1: "integer",
  2: "boolean",
  3: "menu",
  4: "button",
  8: "bitmask",
  9: "integer_menu",
} as const satisfies Record<number, string>;

export type ControlType = (typeof types)[keyof typeof types] | "other";

/** A control, and what may be done with it at the moment. */
export interface ControlInfo {
  readonly id: number;
  readonly type: ControlType;
  /** That of the driver, which the kernel has 64 bits for; a bitmask is unsigned. */
  readonly defaultValue: number;
  /** It can't be set, now or ever: disabled, read-only, write-only, or an array. */
  readonly isFixed: boolean;
  /** It has no effect now, and can't be set, since another control (such as auto exposure) rules it. */
  readonly isInactive: boolean;
  /** The device changes it by itself. */
  readonly isVolatile: boolean;
}

/** `V4L2_CTRL_FLAG_*` */
const flags = { disabled: 0x1, readOnly: 0x4, inactive: 0x10, writeOnly: 0x40, volatile: 0x80 };
const cannotBeSet = flags.disabled | flags.readOnly | flags.writeOnly;

/** Size of a `struct v4l2_query_ext_ctrl`. */
const queryBytes = 232;

/** A `struct v4l2_query_ext_ctrl` for the control after `id`; 0 asks for the first one. */
export function encodeNextControl(id: number): Uint8Array {
  const bytes = new Uint8Array(queryBytes);
  new DataView(bytes.buffer).setUint32(0, (id | nextControl) >>> 0, true);
  return bytes;
}

/** Reads a `struct v4l2_query_ext_ctrl`. */
export function decodeControlInfo(bytes: Uint8Array): ControlInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const set = view.getUint32(72, true);
  const elements = view.getUint32(80, true);
  const has = (bits: number) => (set & bits) !== 0;
  const code = view.getUint32(4, true);
  return {
    id: view.getUint32(0, true),
    type: isKnown(code) ? types[code] : "other",
    defaultValue: Number(view.getBigInt64(64, true)),
    isFixed: has(cannotBeSet) || elements > 1,
    isInactive: has(flags.inactive),
    isVolatile: has(flags.volatile),
  };
}

function isKnown(code: number): code is keyof typeof types {
  return code in types;
}
