import { expect, test } from "bun:test";
import Ajv from "ajv";
import fc from "fast-check";
import { parse } from "yaml";
import { poolsSchema } from "../../../deploy/docs/pools-schema.ts";
import { loadConfig } from "../load-config.ts";
import { optionKeys, options } from "../options.ts";
import { isPoolKey } from "./fields.ts";
import { readPools } from "./read-pools.ts";
import { renderPools } from "./render-pools.ts";

const context = { lookupGroup: (name: string) => (name === "video" ? 44 : undefined) };
const isPools = new Ajv({ allowUnionTypes: true }).compile(poolsSchema());

/** The pools of a text that has no problem, and that an editor takes as well. */
function read(text: string) {
  const { pools, problems } = readPools("p.yaml", text, context, { manageDevices: true });
  expect(problems).toEqual([]);
  expect({ valid: isPools(parse(text)), errors: isPools.errors }).toEqual({
    valid: true,
    errors: null,
  });
  return pools;
}

/** Texts of options of a pool; a rule about two of them may refuse some. */
const texts: Readonly<Record<string, fc.Arbitrary<string>>> = {
  resourceName: fc.constantFrom("a.b/c", "example.com/Y_z.1"),
  maxDevices: fc.integer({ min: 1, max: 100 }).map(String),
  firstDeviceNumber: fc.integer({ min: 0, max: 150 }).map(String),
  v4l2CardLabel: fc.oneof(
    fc.string({ minLength: 1, maxLength: 30 }).map((label) => label.replace(/[{}]/g, "")),
    fc.constantFrom(
      "off",
      "0666",
      "1e3",
      "null",
      "a: b",
      "# a",
      "'",
      "{id} \u{1F3A5}",
      "a\u0085b",
      "=",
      "<<",
    ),
  ),
  v4l2MaxWidth: fc.constantFrom("1280", "1920"),
  v4l2MaxHeight: fc.constantFrom("720", "1080"),
  v4l2MaxBuffers: fc.constantFrom("", "4"),
  v4l2DevicePerm: fc.constantFrom("0600", "666"),
  v4l2DeviceGroup: fc.constantFrom("", "44", "video"),
  readySize: fc.constantFrom("640x360", "1280x720"),
  readyPlaceholder: fc.constantFrom("test-card", "#1d3557", "/etc/a b.png"),
  readyIdleTime: fc.constantFrom("0.5", "1", "2.125s"),
  containerDevicePath: fc.constantFrom("/dev/{id}", "/cams/{n}", "/dev/video{index}"),
  containerDeviceEnv: fc.constantFrom("VIDEO_DEVICE", "CAM"),
  containerFeedPath: fc.constantFrom("/dev/feed{index}", "/feeds/{id}"),
};

test("what config print makes of any options, the program reads as the same pool", () => {
  const keys = optionKeys.filter(isPoolKey);
  const given = fc.record(
    Object.fromEntries(
      keys.map((key) => {
        const { type } = options[key];
        const words = type.isSwitch ? ["true", "false"] : type.choices;
        return [key, texts[key] ?? (words ? fc.constantFrom(...words) : fc.constant("30"))];
      }),
    ),
    { requiredKeys: [] },
  );
  let tried = 0;
  fc.assert(
    fc.property(given, (some) => {
      const argv = Object.entries(some).map(
        ([key, text]) => `--${options[key as keyof typeof options].flag}=${text}`,
      );
      const sources = { ...context, argv, env: {}, hostname: "node-1", readFile: () => "" };
      const loaded = loadConfig(sources);
      if (!loaded.ok) return;
      tried++;
      const text = renderPools(loaded.allPools);
      const again = read(text);
      expect(renderPools(again)).toBe(text);
      const [pool] = loaded.pools;
      if (pool?.kind === "loopback" && pool.options.readyCameras) {
        expect(again).toEqual([...loaded.allPools]);
      }
    }),
    { numRuns: 300 },
  );
  expect(tried).toBeGreaterThan(50);
});

test("a file that says all comes back as it is", () => {
  const text = renderPools(
    read(`apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  - { name: "off", resource: a.b/c, onNodes: [edge-*], loopback: { mode: "0660" }, ready: {} }
  - name: codecs
    resource: a.b/codecs
    devices:
      name: "0815"
      select: [{ kind: codec, driver: "*", bus: "usb-*", link: /dev/v4l/*, card: "*",
                 usb: { vendor: "0825", product: "08e5", serial: "0001", port: "1.2" } }]
      exclude: [{ kind: output }, { card: "IR*" }]
      with: [media, usb]
      share: 4
      shareAnyway: true
      expect: 2
      clean: none
      signal: ignore
      identity: port
    container: { path: "/dev/cam{index}", env: CODEC_DEVICE, preStart: true }
    cdi: "off"
`),
  );
  expect(renderPools(read(text))).toBe(text);
  expect(read(text)).toMatchObject([
    { onNodes: ["edge-*"], pool: { name: "off", options: { readyCameras: true } } },
    {
      shareAnyway: true,
      pool: { deviceName: "0815", share: 4, cdi: "off", with: ["media", "usb"] },
    },
  ]);
});

test("the schema refuses what the program refuses for its form", () => {
  const refused = [
    "loopback: { count: 0 }",
    'loopback: { count: "8" }',
    "loopback: { cuont: 8 }",
    "loopback: { mode: 0660 }",
    "loopback: {}, devices: { select: [{ kind: any }] }",
    "loopback: {}, cdi: on",
    "devices: { select: [] }",
    "devices: { select: [{}] }",
    "devices: { select: [{ usb: {} }] }",
    "devices: { select: [{ usb: { product: 0825 } }] }",
    "devices: { select: [{ kind: any }], name: video10 }",
    "devices: { select: [{ kind: any }], name: a::0 }",
    "name: A, loopback: {}",
  ];
  for (const fields of refused) {
    const pool = fields.startsWith("name") ? fields : `name: a, ${fields}`;
    const text = `apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools: [{ resource: b.c/d, ${pool} }]`;
    const { problems } = readPools("p.yaml", text, context, {});
    expect({ fields, byProgram: problems.length > 0, bySchema: !isPools(parse(text)) }).toEqual({
      ...{ fields, byProgram: true, bySchema: true },
    });
  }
});
