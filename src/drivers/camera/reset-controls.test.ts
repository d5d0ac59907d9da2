import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ErrnoError } from "../../linux/errno-error.ts";
import type { ControlInfo, ControlType } from "../../v4l2/video-control.ts";
import { type ControlFile, resetControls } from "./reset-controls.ts";

const [EIO, EACCES, EINVAL, EBUSY] = [5, 13, 22, 16];

const brightness = 0x0098_0900;
const whiteBalance = 0x0098_091a;
const autoWhiteBalance = 0x0098_090c;
const exposure = 0x009a_0902;
const autoExposure = 0x009a_0901;
const focus = 0x009a_090a;
const autoFocus = 0x009a_090c;

interface Control extends Partial<ControlInfo> {
  readonly id: number;
  value: number;
  /** Errno of each attempt to set it. */
  readonly refuses?: number;
  /** While this control has another value than that, this one is inactive. */
  readonly ruledBy?: readonly [id: number, manual: number];
}

/** A camera as the kernel behaves: auto modes make others inactive, which then answer EACCES and keep their values. */
class FakeCamera implements ControlFile {
  readonly controls: readonly Control[];
  readonly writes: [id: number, value: number][] = [];
  /** Answers nothing any more. */
  isSilent = false;

  constructor(controls: readonly Control[]) {
    this.controls = controls.toSorted((a, b) => a.id - b.id);
  }

  nextControl(id: number): ControlInfo | undefined {
    const control = this.controls.find((one) => one.id > id);
    return control && this.#info(control);
  }

  getControl(id: number): number {
    if (this.isSilent) throw new ErrnoError(EIO, "ioctl");
    return this.#find(id).value;
  }

  setControl(id: number, value: number): void {
    const control = this.#find(id);
    this.writes.push([id, value]);
    if (control.refuses !== undefined) throw new ErrnoError(control.refuses, "ioctl");
    if (this.#info(control).isInactive) throw new ErrnoError(EACCES, "ioctl");
    control.value = value;
  }

  /** The values of all controls that keep what they were set to. */
  leftovers(): number[] {
    const kept = this.controls.filter(
      ({ isVolatile, isFixed, type }) => !isVolatile && !isFixed && type !== "button",
    );
    return kept.filter((one) => one.value !== (one.defaultValue ?? 0)).map(({ id }) => id);
  }

  #find(id: number): Control {
    const control = this.controls.find((one) => one.id === id);
    if (control === undefined) throw new ErrnoError(EINVAL, "ioctl");
    return control;
  }

  #info({ value: _, ruledBy, refuses: __, ...control }: Control): ControlInfo {
    const [mode, manual] = ruledBy ?? [];
    const isInactive = mode !== undefined && this.#find(mode).value !== manual;
    const type: ControlType = "integer";
    const none = { type, defaultValue: 0, isFixed: false, isVolatile: false };
    return { ...none, isInactive, ...control };
  }
}

/** Auto exposure has a lower ID than the exposure that it rules: 3 is on, 1 is manual. */
const webcam = (values: Readonly<Record<number, number>> = {}) =>
  new FakeCamera([
    { id: brightness, value: values[brightness] ?? 0 },
    {
      ...{ id: autoWhiteBalance, type: "boolean", defaultValue: 1 },
      value: values[autoWhiteBalance] ?? 1,
    },
    {
      ...{ id: whiteBalance, defaultValue: 4000, ruledBy: [autoWhiteBalance, 0] },
      value: values[whiteBalance] ?? 4000,
    },
    { id: autoExposure, type: "menu", defaultValue: 3, value: values[autoExposure] ?? 3 },
    {
      ...{ id: exposure, defaultValue: 156, ruledBy: [autoExposure, 1] },
      value: values[exposure] ?? 156,
    },
    { id: autoFocus, type: "boolean", defaultValue: 1, value: values[autoFocus] ?? 1 },
    { id: focus, ruledBy: [autoFocus, 0], value: values[focus] ?? 0 },
  ]);

describe("the controls of a webcam are at their defaults after", () => {
  test("a pod with manual exposure, whose exposure time is set before the auto mode is on", () => {
    const camera = webcam({ [autoExposure]: 1, [exposure]: 1000, [brightness]: 40 });
    expect(resetControls(camera)).toEqual([]);
    expect(camera.leftovers()).toEqual([]);
    expect(camera.writes).toEqual([
      ...([
        [brightness, 0],
        [exposure, 156],
        [autoExposure, 3],
      ] as [number, number][]),
    ]);
  });

  test("a pod that turned the auto modes on again, under which the values are still its own", () => {
    const camera = webcam({ [exposure]: 1000, [focus]: 200, [whiteBalance]: 2800 });
    expect(resetControls(camera)).toEqual([]);
    expect(camera.leftovers()).toEqual([]);
    expect(camera.controls.find(({ id }) => id === autoFocus)?.value).toBe(1);
  });

  test("a pod that changed nothing, and none was set", () => {
    const camera = webcam();
    expect(resetControls(camera)).toEqual([]);
    expect(camera.writes).toEqual([]);
  });

  test("any pod, whatever it set", () => {
    const value = fc.nat(3);
    fc.assert(
      fc.property(fc.array(value, { minLength: 7, maxLength: 7 }), (values) => {
        const controls = webcam().controls.map((control, at) => ({
          ...control,
          value: control.type === undefined ? (values[at] ?? 0) : (values[at] ?? 0) % 2,
        }));
        const camera = new FakeCamera(controls);
        expect(resetControls(camera)).toEqual([]);
        expect(camera.leftovers()).toEqual([]);
      }),
    );
  });
});

describe("a reset of controls", () => {
  const one = (control: Partial<Control>) =>
    new FakeCamera([{ id: brightness, value: 7, ...control }]);

  test.each<[string, Partial<Control>]>([
    ["a button", { type: "button" }],
    ["what is no number", { type: "other" }],
    ["what can't be set", { isFixed: true }],
  ])("never touches %s", (_, control) => {
    const camera = one(control);
    expect(resetControls(camera)).toEqual([]);
    expect(camera.writes).toEqual([]);
  });

  test("compares a bit mask without its sign", () => {
    const camera = one({ type: "bitmask", defaultValue: 0xffff_ffff, value: -1 });
    expect(resetControls(camera)).toEqual([]);
    expect(camera.writes).toEqual([]);
  });

  test("names a control that a stream of another program keeps as it is", () => {
    expect(resetControls(one({ refuses: EBUSY }))).toEqual([brightness]);
  });

  test("does not count a control that the device changes itself", () => {
    expect(resetControls(one({ refuses: EACCES, isVolatile: true }))).toEqual([]);
  });

  test("leaves an inactive control that no auto mode rules as it is", () => {
    const camera = one({ isInactive: true });
    expect(resetControls(camera)).toEqual([]);
    expect(camera.writes).toEqual([]);
  });

  test("ends with the first call that the device does not answer: each takes 5 s", () => {
    const camera = webcam({ [brightness]: 9 });
    camera.isSilent = true;
    expect(() => resetControls(camera)).toThrow("EIO");
    expect(camera.writes).toEqual([]);
  });

  test("ends although a driver has controls without end", () => {
    const info = { type: "integer", defaultValue: 0, isFixed: true } as const;
    const flags = { isInactive: false, isVolatile: false };
    const refuse = () => {
      throw new ErrnoError(EINVAL, "ioctl");
    };
    const endless = (next: (id: number) => number): ControlFile => ({
      nextControl: (id) => ({ id: next(id), ...info, ...flags }),
      getControl: refuse,
      setControl: refuse,
    });
    expect(resetControls(endless((id) => id + 1))).toEqual([]);
    expect(resetControls(endless(() => 1))).toEqual([]);
  });
});
