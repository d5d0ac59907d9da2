import { expect, test } from "bun:test";
import { ErrnoError } from "../../linux/errno-error.ts";
import { VIDIOC } from "../../v4l2/video-structs.ts";
import { answerQuestion } from "./questions.ts";

const [EIO, ENOTTY] = [5, 25];

/** Lines about a node whose driver answers the calls so. */
function lines(answer: (request: number, bytes: Uint8Array) => void): object[] {
  const printed: object[] = [];
  const ioctl = (_: number, request: number, bytes: Uint8Array) => {
    answer(request, bytes);
    return 0;
  };
  answerQuestion("input", ["/dev/null"], { ioctl } as never, (line) => printed.push(line));
  return printed;
}

const opening = { opening: "/dev/null" };

test("the input that is selected is the one that is shown", () => {
  const printed = lines((request, bytes) => {
    const view = new DataView(bytes.buffer);
    if (request === VIDIOC.G_INPUT) view.setUint32(0, 3, true);
    if (request !== VIDIOC.ENUMINPUT) return;
    bytes.set(Buffer.from(`HDMI ${view.getUint32(0, true)}`), 4);
    view.setUint32(56, 0x2, true);
  });
  expect(printed).toEqual([
    opening,
    { path: "/dev/null", answer: { input: { name: "HDMI 3", status: 2 } } },
  ]);
});

test("a device without inputs has answered", () => {
  const printed = lines(() => {
    throw new ErrnoError(ENOTTY, "ioctl");
  });
  expect(printed).toEqual([opening, { path: "/dev/null", answer: {} }]);
});

test("a device that refuses has not", () => {
  const printed = lines(() => {
    throw new ErrnoError(EIO, "ioctl");
  });
  expect(printed).toEqual([opening, { path: "/dev/null", error: "EIO" }]);
});
