/** One member of an archive; a directory has no content. */
export interface TarEntry {
  path: string;
  content?: Uint8Array;
  /** Permission bits; default 0o644, or 0o755 for a directory. */
  mode?: number;
}

const block = 512;

/** A POSIX ustar archive, owned by root and dated 1970, so that equal entries are equal bytes. */
export function tar(entries: readonly TarEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const content = entry.content ?? new Uint8Array();
    parts.push(header(entry, content.length), content);
    parts.push(new Uint8Array(-content.length & (block - 1)));
  }
  // Two empty blocks end an archive.
  parts.push(new Uint8Array(2 * block));
  return Buffer.concat(parts);
}

/** Field offsets: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, table 4-14. */
function header(entry: TarEntry, size: number): Uint8Array {
  const directory = entry.content === undefined;
  const bytes = Buffer.alloc(block);
  if (Buffer.byteLength(entry.path) > 100) throw new RangeError(`path too long: ${entry.path}`);
  bytes.write(entry.path, 0);
  bytes.write(octal(entry.mode ?? (directory ? 0o755 : 0o644), 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(directory ? "5" : "0", 156);
  bytes.write("ustar\0" + "00", 257, "latin1");
  // The checksum is computed with its own field as spaces.
  bytes.fill(" ", 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return bytes;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
