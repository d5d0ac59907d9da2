import { crc32 } from "node:zlib";

/** LZMA2 can carry up to this many bytes as they are (xz-file-format and lzma2's "uncompressed chunk"). */
const CHUNK_BYTES = 65_536;

/**
 * An .xz file of these bytes, stored and not compressed, with CRC32 as its check: what `xz --check=crc32` makes
 * of what it can't compress (The .xz File Format 1.2.1). Nothing in the VM can make one.
 */
export function storedXz(bytes: Uint8Array): Buffer {
  const flags = Buffer.from([0, 1]); // the check is CRC32
  const header = Buffer.concat([Buffer.from("\xfd7zXZ\0", "latin1"), flags, crcOf(flags)]);
  // 12 bytes; one filter, LZMA2 (0x21), with one byte of properties: a dictionary of 64 KiB (8)
  const blockStart = Buffer.from([2, 0, 0x21, 1, 8, 0, 0, 0]);
  const blockHeader = Buffer.concat([blockStart, crcOf(blockStart)]);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES);
    const size = chunk.length - 1;
    // 1: uncompressed, and the dictionary is reset
    chunks.push(Buffer.from([1, size >> 8, size & 0xff]), chunk);
  }
  const data = Buffer.concat([...chunks, Buffer.from([0])]);
  const unpadded = blockHeader.length + data.length + 4;
  const block = Buffer.concat([blockHeader, toMultipleOf4(data), crcOf(bytes)]);
  const records = [0, 1, ...variableLength(unpadded), ...variableLength(bytes.length)];
  const indexStart = toMultipleOf4(Buffer.from(records));
  const index = Buffer.concat([indexStart, crcOf(indexStart)]);
  const footerStart = Buffer.concat([uint32(index.length / 4 - 1), flags]);
  return Buffer.concat([header, block, index, crcOf(footerStart), footerStart, Buffer.from("YZ")]);
}

function crcOf(bytes: Uint8Array): Buffer {
  return uint32(crc32(bytes));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function toMultipleOf4(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** 7 bits a byte, the lowest first; the highest bit says that more follow. */
function variableLength(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...variableLength(value >>> 7)];
}
