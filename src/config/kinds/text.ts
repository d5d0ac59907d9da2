import { isIP } from "node:net";
import { accept, type Kind, reject } from "./kind.ts";

/** `card[32]` of struct v4l2_capability, less its final NUL (include/uapi/linux/videodev2.h). */
const MAX_LABEL_BYTES = 31;

/**
 * A V4L2 card label. The kernel splits a module parameter's list at every comma and has no way to
 * escape a double quote (lib/cmdline.c, next_arg), and a label cut at 31 bytes could end within a
 * character, so all three are refused here.
 */
export function cardLabel(): Kind<string> {
  return {
    expected: `1 to ${MAX_LABEL_BYTES} bytes of UTF-8 without commas, double quotes or control characters`,
    placeholder: "TEXT",
    isSwitch: false,
    parse: (text) => {
      const bytes = Buffer.byteLength(text);
      if (bytes > MAX_LABEL_BYTES) return reject(`it is ${bytes} bytes long`);
      // what the runtime makes of bytes that are no UTF-8
      if (text.includes("\uFFFD")) return reject("it is not valid UTF-8");
      if (bytes === 0 || /[,"\p{Cc}]/u.test(text) || !text.isWellFormed()) return reject();
      return accept(text);
    },
    show: (value) => value,
  };
}

/** An IPv4 or IPv6 address; names are refused, as they could mean another interface tomorrow. */
export function ipAddress(): Kind<string> {
  return {
    expected: "an IPv4 or IPv6 address",
    placeholder: "ADDRESS",
    isSwitch: false,
    parse: (text) => (isIP(text) === 0 ? reject() : accept(text)),
    show: (value) => value,
  };
}
