import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type IdentityRule,
  identify,
  maxRemembered,
  type PresentDevice,
  type RememberedDevice,
  remember,
} from "./identify.ts";
import type { UsbDevice } from "./video-node.ts";

const controller = "0000:00:14.0";

/** A webcam at a port. */
function webcam(ports: string, serial = "", more: Partial<UsbDevice> = {}): PresentDevice {
  const usb = { vendor: "046d", product: "0825", serial, controller, ports, ...more };
  return { parent: { path: `/sys/devices/usb1/1-${ports}`, bus: "usb", usb } };
}

const other = (path: string, bus: string, busInfo?: string): PresentDevice => ({
  parent: { path: `/sys/devices/${path}`, bus, usb: undefined },
  busInfo,
});
const ruled = (device: PresentDevice, identity: IdentityRule) => ({ ...device, identity });

const ids = (present: readonly PresentDevice[], remembered?: readonly RememberedDevice[]) =>
  identify(present, remembered).map(({ id }) => id);

const isSame = (a: RememberedDevice, b: RememberedDevice) => a.place === b.place;

/** A node on which devices come and go. */
function node() {
  let remembered: readonly RememberedDevice[] = [];
  return (...present: PresentDevice[]) => {
    const named = identify(present, remembered);
    remembered = remember(named, remembered, isSame);
    return named.map(({ id }) => id);
  };
}

const serialId = "usb-046d-0825-4A1B";
const portId = (ports: string) => `usb-${controller}-${ports}`;

describe("a USB camera is named", () => {
  test("by its serial number, at any port", () => {
    expect(ids([webcam("1.2", "4A1B")])).toEqual([serialId]);
    expect(ids([webcam("3", "4A1B")])).toEqual([serialId]);
  });

  test.each(["", "0", "000000", "0001", "SN0001", "200901010001"])(
    "by its port if the serial number is %p, which says nothing",
    (serial) => {
      expect(ids([webcam("1.2", serial)])).toEqual([portId("1.2")]);
    },
  );

  test("by its port if another has the same serial number, and so is that one", () => {
    const twins = ["1", "2"].map((ports) => webcam(ports, "4A1B"));
    const third = webcam("3", "4A1B", { product: "0826" });
    expect(ids([...twins, third])).toEqual([portId("1"), portId("2"), "usb-046d-0826-4A1B"]);
  });

  test("by its port if serial numbers become the same as a name", () => {
    expect(ids([webcam("1", "a/b"), webcam("2", "a b")])).toEqual([portId("1"), portId("2")]);
  });
});

describe("with what is remembered, a USB camera", () => {
  test("is the same one at another port", () => {
    const plug = node();
    expect(plug(webcam("1", "4A1B"))).toEqual([serialId]);
    expect(plug()).toEqual([]);
    expect(plug(webcam("2", "4A1B"))).toEqual([serialId]);
  });

  test("keeps its name when a twin comes, and the twin has that of its port", () => {
    const plug = node();
    plug(webcam("1", "4A1B"));
    expect(plug(webcam("1", "4A1B"), webcam("2", "4A1B"))).toEqual([serialId, portId("2")]);
    // each of them alone, in either order
    expect(plug(webcam("2", "4A1B"))).toEqual([portId("2")]);
    expect(plug(webcam("1", "4A1B"))).toEqual([serialId]);
    expect(plug(webcam("2", "4A1B"), webcam("1", "4A1B"))).toEqual([portId("2"), serialId]);
  });

  test("has the name of its port if it may be either of two twins that were there before", () => {
    const plug = node();
    plug(webcam("1", "4A1B"));
    plug(webcam("1", "4A1B"), webcam("2", "4A1B"));
    expect(plug(webcam("3", "4A1B"))).toEqual([portId("3")]);
  });

  test("keeps the name of its port when its twin, plugged in with it, is gone", () => {
    const plug = node();
    const [one, two] = [webcam("1", "4A1B"), webcam("2", "4A1B")];
    expect(plug(one, two)).toEqual([portId("1"), portId("2")]);
    expect(plug(two)).toEqual([portId("2")]);
    expect(plug(one)).toEqual([portId("1")]);
  });
});

describe("a pool may say what names its devices", () => {
  test("the port, though there is a serial number", () => {
    expect(ids([ruled(webcam("1", "4A1B"), "port")])).toEqual([portId("1")]);
  });

  test("the serial number, though it is a constant; twins are one ID, which is ambiguous", () => {
    const [one, two] = ["1", "2"].map((ports) => ruled(webcam(ports, "0001"), "serial"));
    if (one === undefined || two === undefined) throw new Error("no twins");
    const named = (present: PresentDevice[]) =>
      identify(present).map(({ id, isAmbiguous }) => [id, isAmbiguous]);
    expect(named([one])).toEqual([["usb-046d-0825-0001", false]]);
    expect(named([one, two])).toEqual([
      ["usb-046d-0825-0001", true],
      ["usb-046d-0825-0001", true],
    ]);
    expect(ids([ruled(webcam("1"), "serial")])).toEqual([portId("1")]);
  });

  test("the serial number, and the twin in another pool has its port's", () => {
    const [one, two] = [ruled(webcam("1", "4A1B"), "serial"), webcam("2", "4A1B")];
    expect(ids([one, two])).toEqual([serialId, portId("2")]);
  });
});

describe("any other device is named by its place", () => {
  test.each([
    ["0000:00:1c.0/0000:08:00.0", "pci", "pci-0000:08:00.0"],
    ["platform/soc/fe801000.csi", "platform", "platform-fe801000.csi"],
  ])("%s", (path, bus, name) => {
    expect(ids([other(path, bus)])).toEqual([name]);
  });

  test("and its bus_info, where one place has several, of which one may be unknown", () => {
    const nodes = ["platform:vivid-000", undefined].map((busInfo) =>
      other("platform/vivid.0", "platform", busInfo),
    );
    expect(ids(nodes)).toEqual([
      ...["platform-vivid.0-platform:vivid-000", "platform-vivid.0-unknown"],
    ]);
  });
});

describe("whatever devices say of themselves", () => {
  /** Few different texts, so that they meet; with white space, control characters and lengths beyond any limit. */
  const text = fc.oneof(
    fc.constantFrom("", "a", "a b", "a/b", "\u0000", "\ufffd", "x".repeat(200), "-", "0"),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  const device = fc.record({
    parent: fc.record({
      path: text.map((name) => `/sys/${name}`),
      bus: fc.constantFrom("usb", "pci", "platform", "!"),
      usb: fc.option(
        fc.record({ vendor: text, product: text, serial: text, controller: text, ports: text }),
        { nil: undefined },
      ),
    }),
    busInfo: fc.option(text, { nil: undefined }),
    identity: fc.constantFrom<IdentityRule>("auto", "serial", "port"),
  });
  // Two devices differ by their path, or by the bus_info: groupNodes makes one of all others.
  const devices = fc.uniqueArray(device, {
    selector: ({ parent, busInfo }) => `${parent.path}\n${busInfo}`,
    maxLength: 12,
  });

  test("their names are legal, of one device each, and the same the next time", () => {
    fc.assert(
      fc.property(devices, devices, (before, present) => {
        let remembered = remember(identify(before), [], isSame);
        const named = identify(present, remembered);
        for (const { id } of named) expect(id).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$/);
        const clear = named.filter(({ isAmbiguous }) => !isAmbiguous).map(({ id }) => id);
        expect(new Set(clear).size).toBe(clear.length);
        remembered = remember(named, remembered, isSame);
        expect(ids(present, remembered)).toEqual(named.map(({ id }) => id));
      }),
    );
  });
});

describe("what is remembered", () => {
  const seen = (id: string, place = id): RememberedDevice => ({ id, place });

  test("is the same value while nothing changes", () => {
    const before = [seen("a"), seen("b")];
    expect(remember([seen("b")], before, isSame)).toBe(before);
    expect(remember([seen("b", "elsewhere"), seen("c")], before, isSame)).toEqual([
      ...[seen("a"), seen("b", "elsewhere"), seen("c")],
    ]);
  });

  test(`is at most ${maxRemembered} devices, and of those that are gone the last ones`, () => {
    const many = Array.from({ length: maxRemembered }, (_, at) => seen(`old-${at}`));
    const after = remember([seen("old-0"), seen("new")], many, isSame);
    expect(after.length).toBe(maxRemembered);
    const names = after.map(({ id }) => id);
    expect(names.slice(0, 2)).toEqual(["old-0", "old-2"]);
    expect(names.at(-1)).toBe("new");
  });
});
