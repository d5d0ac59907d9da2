/**
 * A model of the kernel's parser of a module's parameters, byte by byte as in lib/cmdline.c
 * (`next_arg`) and kernel/params.c (`parse_args`, `param_array`).
 */

/** `_SP` of lib/ctype.c, which is Latin-1: 160 is a space, and a byte of many UTF-8 characters. */
function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 160 || (byte !== undefined && byte >= 9 && byte <= 13);
}

const QUOTE = 34;
const EQUALS = 61;

/** Parameters in order; null without a `=`. Bytes stay as they are, in latin1 strings. */
export function parseParams(text: string): [name: string, value: string | null][] {
  const bytes = Buffer.from(text);
  const found: [string, string | null][] = [];
  let at = 0;
  while (isSpace(bytes[at])) at++;
  while (at < bytes.length) {
    const { name, value, next } = nextArgument(bytes, at);
    found.push([name, value]);
    at = next;
  }
  return found;
}

function nextArgument(bytes: Buffer, start: number) {
  let begin = start;
  let inQuote = false;
  let quoted = false;
  if (bytes[begin] === QUOTE) {
    begin++;
    inQuote = true;
    quoted = true;
  }
  let equals = 0;
  let i = begin;
  for (; i < bytes.length; i++) {
    if (isSpace(bytes[i]) && !inQuote) break;
    if (equals === 0 && bytes[i] === EQUALS) equals = i;
    if (bytes[i] === QUOTE) inQuote = !inQuote;
  }
  let end = i;
  let valueStart = equals + 1;
  if (equals !== 0 && bytes[valueStart] === QUOTE) {
    valueStart++;
    if (bytes[end - 1] === QUOTE) end--;
  } else if (quoted && bytes[end - 1] === QUOTE) {
    end--;
  }
  let next = i < bytes.length ? i + 1 : i;
  while (isSpace(bytes[next])) next++;
  const part = (from: number, to: number) => bytes.subarray(from, Math.max(from, to)).toString();
  return equals === 0
    ? { name: part(begin, end), value: null, next }
    : { name: part(begin, equals), value: part(valueStart, end), next };
}

/** An array parameter's elements; undefined for EINVAL, "can only take `max` arguments". */
export function parseArray(value: string, max: number): string[] | undefined {
  const elements = value.split(",");
  return elements.length > max ? undefined : elements;
}
