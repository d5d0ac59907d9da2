/** What to do with a field of a message: read its string, or go into its message. */
export type FieldRule = MessageRule | ((text: string) => void);

/** What to do with the fields of a message, by their numbers; any other field is skipped. */
export interface MessageRule {
  readonly fields: Readonly<Record<number, FieldRule>>;
  /** Called at the end of the message. */
  readonly end?: () => void;
}

interface OpenMessage {
  readonly rule: MessageRule;
  /** Where it ends in the stream. */
  readonly end: number;
}

/** Wire types of https://protobuf.dev/programming-guides/encoding/. */
const varintType = 0;
const fixed64Type = 1;
const lengthType = 2;
const fixed32Type = 5;

/** Bytes of the longest varint. */
const longestVarint = 10;

/**
 * Reads an encoded message that comes in pieces, without keeping it: of a piece only an incomplete number or string
 * is kept for the next one.
 */
export class MessageStream {
  readonly #messages: OpenMessage[];
  #piece: Buffer = Buffer.alloc(0);
  /** Position in the piece, and of the piece's start in the stream. */
  #at = 0;
  #start = 0;
  /** Bytes of a skipped field that are to come. */
  #skip = 0;

  constructor(rule: MessageRule) {
    this.#messages = [{ rule, end: Number.POSITIVE_INFINITY }];
  }

  /** @throws RangeError if this is no message. */
  push(bytes: Buffer): void {
    const kept = this.#piece.subarray(this.#at);
    this.#start += this.#at;
    this.#piece = kept.length === 0 ? bytes : Buffer.concat([kept, bytes]);
    this.#at = 0;
    while (this.#next()) {
      // Each round reads a field, or passes the end of a message.
    }
  }

  /** The stream has ended. @throws RangeError if the message has not. */
  end(): void {
    const [outermost] = this.#messages;
    if (this.#messages.length > 1 || this.#at < this.#piece.length || this.#skip > 0) {
      throw new RangeError("the message is cut off");
    }
    outermost?.rule.end?.();
  }

  /** Takes one step; false if that needs the next piece. */
  #next(): boolean {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, this.#piece.length - this.#at);
      this.#skip -= skipped;
      this.#at += skipped;
      return this.#skip === 0;
    }
    const message = this.#messages.at(-1) as OpenMessage;
    const position = this.#start + this.#at;
    if (position > message.end) throw new RangeError("a field is longer than its message");
    if (position === message.end) {
      this.#messages.pop();
      message.rule.end?.();
      return true;
    }
    const tag = this.#varint(this.#at);
    return tag !== undefined && this.#field(message, tag.value, tag.end);
  }

  #field({ rule, end }: OpenMessage, tag: number, at: number): boolean {
    const type = tag % 8;
    if (type === fixed64Type || type === fixed32Type) {
      this.#at = at;
      this.#skip = type === fixed64Type ? 8 : 4;
      return true;
    }
    if (type !== varintType && type !== lengthType) {
      throw new RangeError(`a field has the wire type ${type}`);
    }
    const number = this.#varint(at);
    if (number === undefined) return false;
    if (type === varintType) {
      this.#at = number.end;
      return true;
    }
    const fieldEnd = number.end + number.value;
    if (this.#start + fieldEnd > end) throw new RangeError("a field is longer than its message");
    const action = rule.fields[Math.floor(tag / 8)];
    if (typeof action === "function") {
      if (fieldEnd > this.#piece.length) return false;
      action(this.#piece.toString("utf8", number.end, fieldEnd));
      this.#at = fieldEnd;
      return true;
    }
    this.#at = number.end;
    if (action === undefined) this.#skip = number.value;
    else this.#messages.push({ rule: action, end: this.#start + fieldEnd });
    return true;
  }

  /** The varint at a position and where it ends; undefined if the piece ends within. Not exact above 2^53. */
  #varint(from: number): { readonly value: number; readonly end: number } | undefined {
    let value = 0;
    let factor = 1;
    for (let at = from; at < this.#piece.length; at++) {
      const byte = this.#piece[at] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return { value, end: at + 1 };
      factor *= 128;
      if (at - from === longestVarint) throw new RangeError("a number is too long");
    }
    return undefined;
  }
}
