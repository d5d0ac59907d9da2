/**
 * The placeholders of all cameras are one picture with another text each. So a camera keeps the bytes in which its
 * placeholder differs from a base, in place of a whole frame: at 1280x720 some kilobytes in place of 1.4 MB.
 */
export interface FramePatch {
  /** Where each of the blocks is in the frame, ascending. */
  readonly offsets: Uint32Array;
  /** The blocks, one after another. */
  readonly bytes: Uint8Array;
}

/** Bytes of a block; the last one of a frame may be shorter. */
const blockBytes = 256;

/** Compares two frames of one length. */
export function diffFrames(base: Uint8Array, frame: Uint8Array): FramePatch {
  const offsets: number[] = [];
  for (let at = 0; at < frame.length; at += blockBytes) {
    const end = at + blockBytes;
    if (Buffer.compare(base.subarray(at, end), frame.subarray(at, end)) !== 0) offsets.push(at);
  }
  const bytes = new Uint8Array(offsets.length * blockBytes);
  offsets.forEach((at, index) => {
    bytes.set(frame.subarray(at, at + blockBytes), index * blockBytes);
  });
  return { offsets: Uint32Array.from(offsets), bytes };
}

/** Turns the base into the frame. */
export function applyPatch(frame: Uint8Array, { offsets, bytes }: FramePatch): void {
  offsets.forEach((at, index) => {
    const from = index * blockBytes;
    frame.set(bytes.subarray(from, from + Math.min(blockBytes, frame.length - at)), at);
  });
}
