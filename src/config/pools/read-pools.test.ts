import { describe, expect, test } from "bun:test";
import { readyVariables } from "../../devices/container-path.ts";
import { loopbackPoolKeys } from "../pool-config.ts";
import { fieldOf } from "./fields.ts";
import { variablesOf } from "./pool-checks.ts";
import { readPools } from "./read-pools.ts";

const context = { lookupGroup: (name: string) => (name === "video" ? 44 : undefined) };
const shared = { manageDevices: true };
const head = "apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:\n";

function read(pools: string, process = shared) {
  return readPools("p.yaml", head + pools, context, process);
}

/** The file's only pool. */
function onlyPool(text: string) {
  const { pools, problems } = read(text);
  expect(problems).toEqual([]);
  return pools[0]?.pool;
}

function problems(pools: string, process = shared): string[] {
  return read(pools, process).problems.map(({ subject, text }) => `${subject}: ${text}`);
}

const bots = "- { name: bots, resource: a.b/bots, loopback: {} }\n";

test.each([
  ["#1d3557", 'is empty: # begins a comment in YAML, quote the value: "#1d3557"'],
  ["#1d3557 # blue", 'is empty: # begins a comment in YAML, quote the value: "#1d3557"'],
  [
    "# blue",
    "got nothing, expected a colour such as #1d3557, test-card, or the absolute path of a PNG file",
  ],
  [
    "",
    "got nothing, expected a colour such as #1d3557, test-card, or the absolute path of a PNG file",
  ],
])("a placeholder of %j is no value", (text, problem) => {
  const pool = `- name: bots
  resource: a.b/bots
  loopback: {}
  ready:
    placeholder: ${text}
`;
  expect(problems(pool)).toEqual([
    expect.stringMatching(/^p\.yaml:8:\d+: pools\[0\]\.ready\.placeholder: /),
  ]);
  expect(problems(pool)[0]).toEndWith(problem);
});

test("a loopback pool has the defaults of the options", () => {
  expect(onlyPool(bots)).toEqual({
    kind: "loopback",
    name: "bots",
    options: {
      resourceName: "a.b/bots",
      maxDevices: 8,
      firstDeviceNumber: 10,
      numberTaken: "refuse",
      v4l2CardLabel: "MeetingBot_WebCam",
      v4l2ExclusiveCaps: true,
      v4l2MaxBuffers: undefined,
      v4l2MaxWidth: 1920,
      v4l2MaxHeight: 1080,
      v4l2DevicePerm: 0o666,
      v4l2DeviceGroup: undefined,
      readyCameras: false,
      readySize: { width: 1280, height: 720 },
      readyPixelFormat: "YU12",
      readyRate: 30,
      readyPlaceholder: { kind: "test_card" },
      readyIdleTime: 1,
      readyPlaceholderRate: 5,
      containerFeedPath: "/dev/feed{index}",
      containerDevicePath: "/dev/{id}",
      containerDeviceEnv: "VIDEO_DEVICE",
      preStartContainer: false,
    },
    cdi: "off",
  });
});

test("every option of a pool has a field, and every field is one", () => {
  const paths = loopbackPoolKeys.map((key) => fieldOf(key).join("."));
  expect(paths).not.toContain("");
  expect(new Set(paths).size).toBe(loopbackPoolKeys.length);
  expect(Object.keys(onlyPool(bots)?.options ?? {}).sort()).toEqual([...loopbackPoolKeys].sort());
});

test("the fields of a loopback pool are parsed as options are", () => {
  const pool = onlyPool(`- name: bots
  resource: a.b/bots
  onNodes: [edge-*]
  loopback:
    { count: 3, firstNumber: 40, cardLabel: "Cam {n}", mode: "660", group: video, maxBuffers: 4 }
  ready: { size: 640x360, idleTime: 0.5, placeholder: "#1d3557" }
  container: { path: "/dev/video{index}", env: BOT_DEVICE, preStart: true }
`);
  expect(pool?.options).toMatchObject({
    ...{ maxDevices: 3, firstDeviceNumber: 40, v4l2CardLabel: "Cam {n}", v4l2DevicePerm: 0o660 },
    ...{ v4l2DeviceGroup: 44, v4l2MaxBuffers: 4, readyCameras: true, readyIdleTime: 0.5 },
    readySize: { width: 640, height: 360 },
    readyPlaceholder: { kind: "colour", colour: [0x1d, 0x35, 0x57] },
    ...{ containerDevicePath: "/dev/video{index}", containerDeviceEnv: "BOT_DEVICE" },
    preStartContainer: true,
  });
});

test("a pool of real devices has defaults, and selects cameras", () => {
  const pool = onlyPool(`- name: webcams
  resource: a.b/webcams
  devices:
    select: [{ driver: uvcvideo, usb: { vendor: "046D", product: "0825" } }, { kind: any, virtual: true }]
    exclude: [{ card: "*IR*" }]
`);
  expect(pool).toEqual({
    kind: "devices",
    name: "webcams",
    options: {
      resourceName: "a.b/webcams",
      containerDevicePath: "/dev/{node}",
      containerDeviceEnv: "VIDEO_DEVICE",
      preStartContainer: false,
    },
    select: [
      { kind: "camera", driver: "uvcvideo", usb: { vendor: "046d", product: "0825" } },
      { kind: "any", virtual: true },
    ],
    exclude: [{ kind: "any", card: "*IR*", virtual: true }],
    identity: "auto",
    deviceName: "",
    with: [],
    expect: 0,
    share: 1,
    clean: "controls",
    signal: "report",
    cdi: "auto",
  });
});

test("the first pool has the variable of always, each other one its own, and a feed path", () => {
  const { pools, problems } = read(`${bots}- name: front-door
  resource: a.b/doors
  loopback: { firstNumber: 20 }
  ready: {}
- { name: 4k, resource: a.b/4k, devices: { select: [{ kind: any }] } }
`);
  expect(problems).toEqual([]);
  expect(pools.map(({ pool }) => pool.options.containerDeviceEnv)).toEqual([
    "VIDEO_DEVICE",
    "FRONT_DOOR_DEVICE",
    "_4K_DEVICE",
  ]);
  expect(pools[1]?.pool.options).toMatchObject({
    containerFeedPath: "/dev/feed-front-door-{index}",
  });
});

test("anchors share what pools have in common", () => {
  const { pools, problems } = read(`- &bots
  name: bots
  resource: a.b/bots
  loopback: &l { mode: "0600" }
- { name: more, resource: a.b/more, onNodes: [edge-*], loopback: *l }
`);
  // Both have video10 on such a node.
  expect(problems).toHaveLength(1);
  expect(pools[1]?.pool.options).toMatchObject({ v4l2DevicePerm: 0o600 });
});

describe("problems name place, value and what is allowed", () => {
  const loopback = (fields: string) =>
    problems(`- name: bots\n  resource: a.b/bots\n  loopback:\n    ${fields}\n`);
  const select = (rule: string) =>
    problems(`- { name: a, resource: b.c/d, devices: { select: [\n ${rule}] } }`);

  test.each([
    ["count: 0", "7:12: pools[0].loopback.count: got 0, expected a whole number from 1 to 246"],
    [
      "count: many",
      '7:12: pools[0].loopback.count: got "many", expected a whole number from 1 to 246',
    ],
    [
      'count: "8"',
      '7:12: pools[0].loopback.count: got "8", expected a whole number from 1 to 246; leave out the quotes',
    ],
    ["count:", "7:11: pools[0].loopback.count: got nothing, expected a whole number from 1 to 246"],
    [
      "maxBuffers:",
      "7:16: pools[0].loopback.maxBuffers: got nothing, expected a whole number from 1 to 32, or nothing; leave out the key",
    ],
    [
      "count: [1]",
      "7:12: pools[0].loopback.count: got a list, expected a whole number from 1 to 246",
    ],
    ["exclusiveCaps: 1", "7:20: pools[0].loopback.exclusiveCaps: got 1, expected true or false"],
    [
      "exclusiveCaps: yes",
      '7:20: pools[0].loopback.exclusiveCaps: got "yes", expected true or false',
    ],
    [
      "mode: 0660",
      '7:11: pools[0].loopback.mode: got 0660, expected three octal digits with or without a leading 0, such as 0660 or 666; put it in quotes: "0660"',
    ],
    [
      "group: vidoe",
      '7:12: pools[0].loopback.group: got "vidoe", expected a group ID from 0 to 4294967294, the name of a group in /etc/group, or nothing; there is no such group',
    ],
    ["cuont: 3", "7:5: pools[0].loopback.cuont: unknown key; did you mean count?"],
    [
      "<<: 3",
      expect.stringContaining('7:5: pools[0].loopback."<<": unknown key, expected one of count, '),
    ],
    ["__proto__: 3", expect.stringContaining("pools[0].loopback.__proto__: unknown key")],
    ["constructor: 3", expect.stringContaining("pools[0].loopback.constructor: unknown key")],
    ["count: 8\n    count: 9", "8:5: count: the key is there twice, expected it once"],
    [
      "firstNumber: 250",
      "7:18: pools[0].loopback.firstNumber: got 250, expected a whole number from 0 to 248, so that the last of loopback.count: 8 devices is at most 255",
    ],
    [
      "count: 246\n    firstNumber: 11",
      expect.stringContaining("8:18: pools[0].loopback.firstNumber: got 11, "),
    ],
  ])("%j", (fields, problem) => {
    expect(loopback(fields)).toEqual([typeof problem === "string" ? `p.yaml:${problem}` : problem]);
  });

  test.each([
    [
      "{ usb: { product: 0825 } }",
      'p.yaml:5:20: pools[0].devices.select[0].usb.product: got 0825, expected four hexadecimal digits such as "046d"; put it in quotes: "0825"',
    ],
    [
      "{ usb: { vendor: 1e10 } }",
      'p.yaml:5:19: pools[0].devices.select[0].usb.vendor: got 1e10, expected four hexadecimal digits such as "046d"; put it in quotes: "1e10"',
    ],
    [
      "{ usb: { serial: 0001 } }",
      'p.yaml:5:19: pools[0].devices.select[0].usb.serial: got 0001, expected the serial number, 1 to 255 characters, in which * and ? stand for others; put it in quotes: "0001"',
    ],
    [
      `{ usb: { serial: "a\\u0001" } }`,
      'p.yaml:5:19: pools[0].devices.select[0].usb.serial: got "a\\u0001", expected the serial number, 1 to 255 characters, in which * and ? stand for others; it has control characters',
    ],
    [
      "{}",
      "p.yaml:5:2: pools[0].devices.select[0]: got an empty mapping, expected a field such as driver, or kind: any for every device",
    ],
    [
      "{ usb: {} }",
      "p.yaml:5:9: pools[0].devices.select[0].usb: got an empty mapping, expected a field such as vendor",
    ],
    [
      "{ kind: webcam }",
      'p.yaml:5:10: pools[0].devices.select[0].kind: got "webcam", expected one of camera, codec, output, any',
    ],
    [
      "{ virtual: yes }",
      'p.yaml:5:13: pools[0].devices.select[0].virtual: got "yes", expected true or false',
    ],
    ["", "p.yaml:4:50: pools[0].devices.select: got an empty list, expected 1 to 64 entries"],
  ])("%j in select", (rule, problem) => {
    expect(select(rule)).toEqual([problem]);
  });

  test.each([
    ["- {}", "p.yaml:4:3: pools[0]: it has neither loopback nor devices, expected one of them"],
    ["- bots", 'p.yaml:4:3: pools[0]: got "bots", expected a pool with loopback or devices'],
    [
      "- { name: a, resource: b.c/d }",
      "p.yaml:4:3: pools[0]: it has neither loopback nor devices, expected one of them",
    ],
    [
      "- { name: a, resource: b.c/d, lopback: {} }",
      "p.yaml:4:3: pools[0]: it has neither loopback nor devices, expected one of them; did you mean loopback?",
    ],
    [
      "- { name: a, resource: b.c/d, loopback: {}, devices: {} }",
      "p.yaml:4:3: pools[0]: it has both loopback and devices, expected one of them",
    ],
    [
      "- { name: a, resource: b.c/d, loopback: }",
      "p.yaml:4:41: pools[0].loopback: got nothing, expected a mapping",
    ],
    ["- { resource: b.c/d, loopback: {} }", "p.yaml:4:3: pools[0].name: is missing"],
    [
      "- { name: A, resource: b.c/d, loopback: {} }",
      'p.yaml:4:11: pools[0].name: got "A", expected a name of lower-case letters, digits and "-", with a letter or digit at both ends, at most 63 characters',
    ],
    [
      "- { name: a, resource: b.c/d, loopback: {}, cdi: on }",
      'p.yaml:4:50: pools[0].cdi: got "on", expected one of auto, off',
    ],
    [
      "- { name: a, resource: b.c/d, devices: { select: [{ kind: any }] }, ready: {} }",
      "p.yaml:4:69: pools[0].ready: unknown key here, a loopback pool has it",
    ],
    [
      "- { name: a, resource: b.c/d, loopback: {}, onNodes: edge }",
      'p.yaml:4:54: pools[0].onNodes: got "edge", expected a list',
    ],
    [
      "- { name: a, resource: b.c/d, loopback: {}, onNodes: [Edge] }",
      expect.stringContaining('onNodes[0]: got "Edge"'),
    ],
  ])("%j", (pool, problem) => {
    expect(problems(pool)).toEqual([problem]);
  });

  test("all at once, in the order of the file", () => {
    expect(
      problems(`- { name: a, resource: b.c/d, loopback: { count: 0, mode: 0 }, redy: {} }
- { name: b, resource: b, loopback: {} }
`).map((problem) => problem.slice(0, 40)),
    ).toEqual([
      "p.yaml:4:50: pools[0].loopback.count: go",
      "p.yaml:4:59: pools[0].loopback.mode: got",
      "p.yaml:4:64: pools[0].redy: unknown key;",
      'p.yaml:5:24: pools[1].resource: got "b",',
    ]);
  });
});

describe("the rules about options hold for each pool", () => {
  test("with the fields' names, and the flags of what all pools share", () => {
    const ready = `- name: a
  resource: b.c/d
  loopback: { exclusiveCaps: false, maxWidth: 640 }
  ready: {}
  container: { path: "/dev/feed{n}", env: CAM, preStart: true }
`;
    expect(problems(ready, { manageDevices: false })).toEqual([
      "p.yaml:7:10: pools[0].ready: got an empty mapping, expected none with --no-manage-devices: the process that offers ready cameras has to create and write them",
      "p.yaml:7:10: pools[0].ready: got an empty mapping, expected none with loopback.exclusiveCaps: false, with which Chromium lists no camera",
      'p.yaml:7:10: pools[0].ready.size: got "1280x720" (the default), expected at most 640x1080, which loopback.maxWidth and loopback.maxHeight allow',
      'p.yaml:7:10: pools[0].ready.feedPath: got "/dev/feed{index}" (the default), expected another path than that of container.path, where the container has the camera',
      'p.yaml:8:43: pools[0].container.env: got "CAM", expected a name such as VIDEO_DEVICE with ready: it has to end in _DEVICE, and the variables of camera and feed end in _CAMERA and _FEED instead',
      "p.yaml:8:58: pools[0].container.preStart: got true, expected false with --no-manage-devices, which resets no device",
    ]);
  });

  test("a name whose variable would break containers needs another one", () => {
    const pools = `${bots}- { name: kubernetes, resource: a.b/k, devices: { select: [{ kind: any }] } }`;
    const [problem] = problems(pools);
    expect(problem).toStartWith(
      'p.yaml:5:3: pools[1].container.env: got "KUBERNETES_DEVICE" (the default), expected the name of a variable',
    );
    expect(problem).toEndWith("; containers depend on KUBERNETES_DEVICE");
  });

  test("only codecs are shared, unless the file says anyway", () => {
    const pool = (rules: string, more: string) =>
      problems(`- { name: a, resource: b.c/d, devices: { select: [${rules}], share: 4${more} } }`);
    expect(pool("{ kind: codec }, { kind: codec, driver: x }", "")).toEqual([]);
    expect(pool("{ driver: uvcvideo }", ", shareAnyway: true")).toEqual([]);
    for (const rules of ["{ driver: uvcvideo }", "{ kind: codec }, { kind: any }"]) {
      const [problem] = pool(rules, "");
      expect(problem).toContain(
        "pools[0].devices.share: got 4, expected 1, or kind: codec in every",
      );
    }
  });
});

describe("two pools", () => {
  const pair = (one: string, other: string) =>
    problems(
      `- { name: one, resource: a.b/one, ${one} }\n- { name: other, resource: a.b/other, ${other} }\n`,
    );

  test("have names and resources of their own", () => {
    expect(
      problems(`${bots}- { name: bots, resource: a.b/bots, loopback: { firstNumber: 20 } }`),
    ).toEqual([
      'p.yaml:5:11: pools[1].name: got "bots", expected another name than that of pools[0]',
      'p.yaml:5:27: pools[1].resource: got "a.b/bots", expected another resource than that of pools[0] (bots)',
    ]);
  });

  test("may have one resource on different nodes", () => {
    const on = (one: string, other: string) =>
      problems(`- { name: a, resource: b.c/d, onNodes: [${one}], loopback: {} }
- { name: b, resource: b.c/d, onNodes: [${other}], loopback: {} }`);
    expect(on("edge-*", "core-*, cam?")).toEqual([]);
    const found = on("edge-*", "core-*, '*-gpu'");
    expect(found[0]).toBe(
      'p.yaml:5:24: pools[1].resource: got "b.c/d", expected another resource than that of pools[0] (a), or onNodes that fit no node together: a node "edge-gpu" has both',
    );
    expect(found).toHaveLength(2);
  });

  test.each([
    ["loopback: {}", "loopback: { firstNumber: 18 }", undefined],
    ["loopback: {}", "loopback: { firstNumber: 17, count: 1 }", "video17 is in both"],
    ["loopback: {}, ready: {}", "loopback: { firstNumber: 140, count: 1 }", "video140 is in both"],
    ["loopback: { firstNumber: 140 }", "loopback: {}, ready: {}", "video140 is in both"],
  ])("never have one number: %j and %j", (one, other, problem) => {
    const found = pair(one, other);
    expect(found.length).toBe(problem === undefined ? 0 : 1);
    if (problem !== undefined) {
      expect(found[0]).toContain(`expected numbers that pools[0] (one) does not have: ${problem}`);
    }
  });

  const at20 = "loopback: { firstNumber: 20 }";
  test.each([
    ["", "container: { env: VIDEO_DEVICE }", "sets VIDEO_DEVICE too"],
    ["ready: {}", "container: { env: VIDEO_FEED }", "sets VIDEO_FEED too"],
    ["ready: {}", "container: { env: A_DEVICE }", undefined],
    ["", "container: { env: VIDEO_FEED }", undefined],
  ])("never set one variable: %j and %j", (one, other, problem) => {
    const found = pair(`loopback: {}, ${one}`, `${at20}, ${other}`);
    expect(found.length).toBe(problem === undefined ? 0 : 1);
    if (problem !== undefined) expect(found[0]).toContain(problem);
  });

  const camera = "devices: { select: [{ kind: any }] }";
  test.each([
    [`loopback: {}, container: { path: "/dev/video{index}" }`, at20, false],
    [`loopback: {}, container: { path: "/dev/video{n}" }`, at20, true],
    [
      `loopback: {}, container: { path: "/dev/a{n}{index}" }`,
      `${at20}, container: { path: "/dev/a{n}{index}" }`,
      false,
    ],
    [
      `loopback: {}, container: { path: "/dev/x1-{index}" }`,
      `${at20}, container: { path: "/dev/x2-{index}" }`,
      true,
    ],
    [`loopback: {}`, camera, true],
    [`loopback: {}, container: { path: "/dev/video{index}" }`, camera, false],
    [camera, `${camera}`, true],
    [
      `${camera}, container: { path: "/dev/{id}" }`,
      `${camera}, container: { path: "/dev/{id}" }`,
      true,
    ],
    [`${camera}, container: { path: "/dev/video{index}" }`, camera, false],
    ["loopback: {}, ready: {}", `${at20}, ready: {}`, true],
    ["loopback: {}, ready: {}", `${at20}, ready: { feedPath: "/dev/feed{index}" }`, false],
  ])("never have one path in a container: %j and %j: %p", (one, other, allowed) => {
    const found = pair(one, other);
    expect(found.length).toBe(allowed ? 0 : 1);
    if (!allowed) expect(found[0]).toContain("a path that no device of pools[0] (one) can have");
  });

  test("never give one path to a further node of a device and to another device", () => {
    const cameras = (path: string, more = "with: [metadata]") =>
      `devices: { select: [{ kind: any }], ${more} }, container: { path: "${path}", env: X_DEVICE }`;
    const bots = 'loopback: {}, container: { path: "/dev/video{index}" }';
    expect(pair(bots, cameras("/dev/{id}"))[0]).toContain("pools[1].devices.with");
    expect(pair(bots, cameras("/dev/{id}", "with: [usb]"))).toEqual([]);
    expect(pair(cameras("/dev/{id}"), bots)[0]).toContain("pools[1].container.path");
    expect(pair("loopback: {}", cameras("/dev/{node}"))).toEqual([]);
    expect(pair("loopback: {}", cameras("/dev/video{index}"))[0]).toContain(
      "expected a path that no further node (with) of a device can have",
    );
    expect(pair("loopback: {}", cameras("/dev/cam{index}"))).toEqual([]);
  });

  test("never give one ID to a device of each", () => {
    const named = "devices: { name: door, select: [{ kind: any }] }";
    expect(pair(named, named)).toEqual([
      'p.yaml:5:56: pools[1].devices.name: got "door", expected another ID than that of pools[0] (one)',
    ]);
    const [problem] = pair("loopback: {}", "devices: { name: video10, select: [{ kind: any }] }");
    expect(problem).toContain("loopback devices have such IDs");
    const [replica] = pair("loopback: {}", "devices: { name: a::0, select: [{ kind: any }] }");
    expect(replica).toContain("replicas of shared devices have such IDs");
  });
});

test("the variables of a pool are those that Allocate sets", () => {
  const pool = onlyPool(
    `- { name: a, resource: b.c/d, loopback: {}, ready: {}, container: { env: X_DEVICE } }`,
  );
  if (pool === undefined) throw new Error("no pool");
  const { camera, feed } = readyVariables("X_DEVICE");
  expect(variablesOf(pool)).toEqual(
    ["X_DEVICE", camera, feed].flatMap((name) => [name, `${name}S`]),
  );
});

describe("cdi", () => {
  const camera = "devices: { select: [{ kind: any }] }";

  test.each([
    ["loopback: {}", "off"],
    ["loopback: {}, cdi: auto", "auto"],
    ['loopback: {}, ready: { feedPath: "/dev/feed{n}" }, cdi: auto', "auto"],
    [camera, "auto"],
    [`${camera}, cdi: "off"`, "off"],
    [`${camera}, container: { path: "/dev/cam-{id}" }`, "auto"],
    [`${camera}, container: { path: "/dev/video{index}" }`, "off"],
  ])("of { %s } is %s", (fields, cdi) => {
    expect(onlyPool(`- { name: a, resource: b.c/d, ${fields} }`)?.cdi).toBe(cdi as "auto" | "off");
  });

  test.each([
    [`${camera}, container: { path: "/dev/video{index}" }`, "container.path"],
    ['loopback: {}, container: { path: "/dev/video{index}" }', "container.path"],
    ["loopback: {}, ready: {}", "ready.feedPath"],
  ])("auto needs a path that is one for all containers: %s", (fields, field) => {
    const [problem, ...others] = problems(`- { name: a, resource: b.c/d, ${fields}, cdi: auto }`);
    expect(others).toEqual([]);
    expect(problem).toContain(
      `pools[0].cdi: got "auto", expected off, or a ${field} without {index}: one file has the devices' paths for all containers`,
    );
  });
});
