/** The .xz File Format 1.2.1, 2.1.1.1: what a file begins with, and 2.1.2.4: what it ends with. */
const FIRST_BYTES = Buffer.from("\xfd7zXZ\0", "latin1");
const LAST_BYTES = Buffer.from("YZ");

/** Bytes that may follow a stream, in fours, all zero (2.2, Stream Padding). */
const PADDING_BYTES = 4;

/**
 * What can be seen to be wrong with an .xz file without undoing it, as the end of "it is …"; undefined if its
 * first and its last bytes are as they should be.
 */
export function xzDefect(bytes: Buffer): string | undefined {
  if (!bytes.subarray(0, FIRST_BYTES.length).equals(FIRST_BYTES)) return "no xz file";
  let end = bytes.length;
  while (bytes.subarray(end - PADDING_BYTES, end).every((byte) => byte === 0)) end -= PADDING_BYTES;
  return bytes.subarray(end - LAST_BYTES.length, end).equals(LAST_BYTES) ? undefined : "cut short";
}
