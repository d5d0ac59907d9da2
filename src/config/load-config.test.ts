import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Config } from "./config.ts";
import { describeConfig, describePool } from "./describe-config.ts";
import { loadConfig, type Sources } from "./load-config.ts";
import { optionKeys, options } from "./options.ts";
import { formatProblems } from "./problem.ts";

const defaults: Config = {
  nodeName: "node-1",
  configFile: "",
  resourceName: "meeting-baas.io/video-devices",
  maxDevices: 8,
  firstDeviceNumber: 10,
  driver: "v4l2loopback",
  numberTaken: "refuse",
  v4l2MaxWidth: 1920,
  v4l2MaxHeight: 1080,
  v4l2MaxBuffers: undefined,
  v4l2ExclusiveCaps: true,
  v4l2CardLabel: "MeetingBot_WebCam",
  v4l2DevicePerm: 0o666,
  v4l2DeviceGroup: undefined,
  containerDevicePath: "/dev/{id}",
  containerDeviceEnv: "VIDEO_DEVICE",
  readyCameras: false,
  readySize: { width: 1280, height: 720 },
  readyPixelFormat: "YU12",
  readyRate: 30,
  readyPlaceholder: { kind: "test_card" },
  readyIdleTime: 1,
  readyPlaceholderRate: 5,
  containerFeedPath: "/dev/feed{index}",
  preStartContainer: false,
  manageDevices: true,
  removeDevicesOnExit: false,
  healthCheckInterval: 30,
  kubeletSocket: "/var/lib/kubelet/device-plugins/kubelet.sock",
  podResourcesSocket: "/var/lib/kubelet/pod-resources/kubelet.sock",
  socketPath: "/var/lib/kubelet/device-plugins/video-device-plugin.sock",
  logLevel: "info",
  logFormat: "auto",
  enableMetrics: false,
  metricsAddress: "0.0.0.0",
  metricsPort: 8080,
  deviceDir: "/dev",
  sysfsDir: "/sys",
  modulesDir: "/lib/modules",
  v4l2LoadUnsafe: false,
  simulatedDir: "/run/video-device-plugin/simulated",
  podResourcesInterval: 10,
  metricsOwners: true,
  adminSocket: "/run/video-device-plugin/admin.sock",
  cdiDir: "/var/run/cdi",
  stateDir: "/var/lib/video-device-plugin",
  nfdFeaturesDir: "",
};

const poolsPath = "/pools.yaml";
const poolsText = `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools: [{ name: bots, resource: a.b/c, loopback: {} }]
`;

/** Values of options that have none by default, where a number won't do. */
const samples: Partial<Record<keyof Config, string>> = {
  nfdFeaturesDir: "/features.d",
  configFile: poolsPath,
  v4l2MaxBuffers: "4",
};

function sources(given: Partial<Sources> = {}): Sources {
  return {
    argv: [],
    env: {},
    hostname: "node-1",
    readFile: (path) => {
      throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    },
    lookupGroup: () => undefined,
    ...given,
  };
}

function load(given: Partial<Sources> = {}) {
  const result = loadConfig(sources(given));
  if (!result.ok) throw new Error(formatProblems(result.problems, "help"));
  return result;
}

function problems(given: Partial<Sources>): string[] {
  const result = loadConfig(sources(given));
  return result.ok ? [] : result.problems.map(({ subject, text }) => `${subject}: ${text}`);
}

test("nothing given makes the defaults", () => {
  expect(load().config).toEqual(defaults);
});

test("the options make one pool, whose options are those of the configuration", () => {
  const { config, pools } = load({ argv: ["--max-devices=3", "--ready-cameras"] });
  expect(pools.map(({ kind, name }) => ({ kind, name }))).toEqual([
    { kind: "loopback", name: "default" },
  ]);
  expect(pools[0]?.options).toMatchObject({ maxDevices: 3, readyCameras: true });
  expect({ ...config, ...pools[0]?.options }).toEqual(config);
});

describe("with a config file", () => {
  const argv = [`--config=${poolsPath}`];
  const readFile = () => `${poolsText.replace("[{", "[{ onNodes: [edge-*],")}`;

  test("its pools are those of the node, and none where every pool is for other nodes", () => {
    const hostname = "edge-1";
    const { config, pools, origins } = load({ argv, readFile, hostname });
    expect(pools).toMatchObject([{ kind: "loopback", name: "bots" }]);
    expect(config).toMatchObject({ configFile: poolsPath, resourceName: "a.b/c" });
    expect(origins.resourceName).toEqual({ source: "config_file", path: poolsPath });
    expect(origins.logLevel).toEqual({ source: "default" });
    const elsewhere = load({ argv, readFile, hostname: "core-1" });
    expect(elsewhere.pools).toEqual([]);
    expect(elsewhere.allPools).toHaveLength(1);
  });

  test("an option of a pool is a problem wherever it is set, and names the field", () => {
    const given = {
      argv: [...argv, "--env-file=/x.env", "--max-devices=4"],
      env: { RESOURCE_NAME: "a.b/other", V4L2_CARD_LABEL: "", LOG_LEVEL: "debug" },
      readFile: (path: string) => (path === poolsPath ? poolsText : "READY_CAMERAS=true"),
    };
    expect(problems(given)).toEqual([
      '--resource-name: set by the environment variable RESOURCE_NAME, but it belongs to a pool, expected resource of a pool in "/pools.yaml" instead',
      '--max-devices: set by the command line, but it belongs to a pool, expected loopback.count of a pool in "/pools.yaml" instead',
      '--ready-cameras: set by READY_CAMERAS in /x.env:1, but it belongs to a pool, expected ready of a pool in "/pools.yaml" instead',
    ]);
  });

  test("the rules about options of the process and of pools hold", () => {
    const text = poolsText.replace("{}", "{}, container: { preStart: true }");
    const more = ["--no-manage-devices", "--remove-devices-on-exit"];
    expect(problems({ argv: [...argv, ...more], readFile: () => text })).toEqual([
      '--remove-devices-on-exit: got "true" (from the command line), expected false with --no-manage-devices, which creates no device that it could remove',
      "/pools.yaml:3:77: pools[0].container.preStart: got true, expected false with --no-manage-devices, which resets no device",
    ]);
  });

  test("its problems come with all others", () => {
    const found = problems({ argv: [...argv, "--log-level=loud"], readFile: () => "pools: {}" });
    expect(found).toEqual([
      '--log-level: got "loud" (from the command line), expected one of debug, info, warn, error',
      "/pools.yaml:1:1: apiVersion: is missing",
      "/pools.yaml:1:1: kind: is missing",
      "/pools.yaml:1:8: pools: got an empty mapping, expected a list",
    ]);
    expect(problems({ argv })).toEqual([
      "--config: cannot read \"/pools.yaml\", expected a config file; ENOENT: no such file or directory, open '/pools.yaml'",
    ]);
  });

  test("the log shows each pool for itself", () => {
    const { config, origins, pools } = load({ argv, readFile: () => poolsText });
    const described = describeConfig(config, origins);
    expect(described.values).toMatchObject({ config: poolsPath });
    expect(Object.keys(described.values)).not.toContain("max_devices");
    expect(pools.map(describePool)).toMatchObject([
      { pool: "bots", kind: "loopback", resource_name: "a.b/c", v4l2_device_perm: "0666" },
    ]);
    const fieldsOf = (text: string) =>
      Object.keys(load({ argv, readFile: () => text }).pools.map(describePool)[0] ?? {}).filter(
        (field) => /ready|feed/.test(field),
      );
    expect(fieldsOf(poolsText)).toEqual(["ready_cameras"]);
    const ready = poolsText.replace("loopback: {}", "loopback: {}, ready: {}");
    expect(fieldsOf(ready)).toContain("container_feed_path");
    expect(fieldsOf(ready)).toContain("ready_size");
    const devices = poolsText.replace(
      "loopback: {}",
      "devices: { select: [{ driver: uvcvideo }] }",
    );
    const [webcams] = load({ argv, readFile: () => devices }).pools.map(describePool);
    expect(webcams).toMatchObject({ pool: "bots", kind: "devices", device_name: "" });
    for (const field of Object.keys(webcams ?? {})) expect(field).toMatch(/^[a-z0-9_]+$/);
  });
});

describe("precedence", () => {
  const argv = ["--env-file=/x.env", "--max-devices=1"];
  const env = { MAX_DEVICES: "2" };
  const readFile = () => "\nMAX_DEVICES=3";

  test("a flag beats the environment and the env-file", () => {
    const { config, origins } = load({ argv, env, readFile });
    expect(config.maxDevices).toBe(1);
    expect(origins.maxDevices).toEqual({ source: "flag" });
  });
  test("the environment beats the env-file", () => {
    const { config, origins } = load({ argv: argv.slice(0, 1), env, readFile });
    expect(config.maxDevices).toBe(2);
    expect(origins.maxDevices).toEqual({ source: "environment", name: "MAX_DEVICES" });
  });
  test("the env-file beats the default", () => {
    const { config, origins } = load({ argv: argv.slice(0, 1), readFile });
    expect(config.maxDevices).toBe(3);
    expect(origins.maxDevices).toEqual({
      source: "env_file",
      name: "MAX_DEVICES",
      path: "/x.env",
      line: 2,
    });
  });
  test("what is overruled is not looked at", () => {
    expect(load({ argv, env: { MAX_DEVICES: "many" }, readFile }).config.maxDevices).toBe(1);
  });
  test("holds for every option and every set of sources", () => {
    fc.assert(
      fc.property(fc.constantFrom(...optionKeys), fc.subarray([0, 1, 2]), (key, given) => {
        const { flag, env: name, type } = options[key];
        const text = type.isSwitch ? "true" : options[key].default || samples[key] || "0";
        const { origins } = load({
          argv: ["--env-file=/x.env", ...(given.includes(0) ? [`--${flag}=${text}`] : [])],
          env: given.includes(1) ? { [name]: text } : {},
          readFile: (path) =>
            path === poolsPath ? poolsText : given.includes(2) ? `${name}=${text}` : "",
        });
        const sourcesByStrength = ["flag", "environment", "env_file"] as const;
        const weakest = key === "nodeName" ? "hostname" : "default";
        const [strongest] = given.map((at) => sourcesByStrength[at]);
        expect(origins[key].source).toBe(strongest ?? weakest);
      }),
    );
  });
});

describe("emptiness", () => {
  test("an empty variable counts as not set", () => {
    const given = { argv: ["--env-file=/x.env"], readFile: () => "MAX_DEVICES=3\nLOG_LEVEL=" };
    const { config } = load({ ...given, env: { MAX_DEVICES: "", LOG_LEVEL: "" } });
    expect(config.maxDevices).toBe(3);
    expect(config.logLevel).toBe("info");
  });
  test("white space around a value is no part of it, whatever the source", () => {
    const given = {
      argv: ["--env-file=/x.env", "--log-level= warn"],
      readFile: () => 'V4L2_MAX_WIDTH="640 "',
    };
    const env = { MAX_DEVICES: "8\n", RESOURCE_NAME: "a.b/c\r\n", ENABLE_METRICS: " true\n" };
    const { config } = load({ ...given, env });
    expect(config).toMatchObject({
      ...{ maxDevices: 8, resourceName: "a.b/c", enableMetrics: true },
      ...{ logLevel: "warn", v4l2MaxWidth: 640 },
    });
  });
  test("a variable of white space alone counts as not set", () => {
    const { config, origins } = load({ env: { MAX_DEVICES: "\n", V4L2_CARD_LABEL: "  " } });
    expect(config).toEqual(defaults);
    expect(origins.maxDevices).toEqual({ source: "default" });
  });
  test("an empty flag is a value", () => {
    const env = { V4L2_DEVICE_GROUP: "44" };
    expect(load({ env }).config.v4l2DeviceGroup).toBe(44);
    expect(load({ env, argv: ["--v4l2-device-group="] }).config.v4l2DeviceGroup).toBeUndefined();
    expect(problems({ argv: ["--max-devices="] })).toEqual([
      '--max-devices: got "" (from the command line), expected a whole number from 1 to 246',
    ]);
  });
});

describe("the node's name", () => {
  test("falls back to the host's, as the kubelet spells it", () => {
    const { config, origins } = load({ hostname: "Node-1.Example\n" });
    expect(config.nodeName).toBe("node-1.example");
    expect(origins.nodeName).toEqual({ source: "hostname" });
  });
  test("becomes a valid name of a node", () => {
    expect(load({ hostname: "my_host" }).config.nodeName).toBe("my-host");
  });
});

describe("problems", () => {
  test("come all at once", () => {
    const argv = ["--max-devices=0", "--log-level=loud", "--sockt-path=x"];
    const result = loadConfig(sources({ argv }));
    expect(
      result.ok ? "" : formatProblems(result.problems, "video-device-plugin run --help"),
    ).toBe(`--max-devices: got "0" (from the command line), expected a whole number from 1 to 246
--log-level: got "loud" (from the command line), expected one of debug, info, warn, error
--sockt-path: unknown option; did you mean --socket-path?
See "video-device-plugin run --help".
`);
  });
  test("come from every source at once", () => {
    const given = {
      argv: ["--env-file", "/x.env", "--metrics-port=0", "stray"],
      env: { V4L2_DEVICE_PERM: "438", V4L2_DEVICE_GROUP: "vidoe" },
      readFile: () => "LOG_FORMAT=xml\nLOG_LEVLE=info\n",
    };
    expect(problems(given)).toEqual([
      '--v4l2-device-perm: got "438" (from the environment variable V4L2_DEVICE_PERM), expected three octal digits with or without a leading 0, such as 0660 or 666',
      '--v4l2-device-group: got "vidoe" (from the environment variable V4L2_DEVICE_GROUP), expected a group ID from 0 to 4294967294, the name of a group in /etc/group, or nothing; there is no such group',
      '--log-format: got "xml" (from LOG_FORMAT in /x.env:1), expected one of auto, json, pretty',
      '--metrics-port: got "0" (from the command line), expected a whole number from 1 to 65535',
      "stray: unexpected argument; every option starts with --",
      "/x.env:2: LOG_LEVLE: unknown variable; did you mean LOG_LEVEL?",
    ]);
  });
  test("name every option whose value is wrong, in the table's order", () => {
    const env = Object.fromEntries(optionKeys.map((key) => [options[key].env, "\u0001"]));
    const found = problems({ env });
    expect(found).toHaveLength(optionKeys.length);
    for (const [index, key] of optionKeys.entries()) {
      const { flag, env: name, type } = options[key];
      expect(found[index]).toStartWith(
        `--${flag}: got "\\u0001" (from the environment variable ${name}), expected ${type.expected}`,
      );
    }
  });
  test("with the env-file don't hide others", () => {
    expect(problems({ argv: ["--env-file=/nope", "--max-devices=999"] })).toEqual([
      '--max-devices: got "999" (from the command line), expected a whole number from 1 to 246',
      "--env-file: cannot read \"/nope\" (from the command line), expected the path of a file of NAME=value lines; ENOENT: no such file or directory, open '/nope'",
    ]);
  });
});

describe("options that depend on each other", () => {
  test("all device numbers exist", () => {
    expect(load({ argv: ["--first-device-number=248"] }).config.firstDeviceNumber).toBe(248);
    expect(problems({ argv: ["--first-device-number=249"] })).toEqual([
      '--first-device-number: got "249" (from the command line), expected a whole number from 0 to 248, so that the last of --max-devices=8 devices is at most 255',
    ]);
  });
  test("the plugin's socket stands beside the kubelet's", () => {
    const argv = ["--kubelet-socket=/t/kubelet.sock"];
    expect(load({ argv: [...argv, "--socket-path=/t//x.sock"] }).config.socketPath).toBe(
      "/t/x.sock",
    );
    expect(problems({ argv: [...argv, "--socket-path=/u/x.sock"] })).toEqual([
      '--socket-path: got "/u/x.sock" (from the command line), expected a path in /t, the directory of --kubelet-socket, where the kubelet looks for it',
    ]);
    expect(problems({ argv: [...argv, "--socket-path=/t/kubelet.sock"] })).toEqual([
      '--socket-path: got "/t/kubelet.sock" (from the command line), expected another path than that of --kubelet-socket',
    ]);
  });
  test("the defaults of the other sockets move with the kubelet's, other values don't", () => {
    const root = "/host/var/lib/kubelet";
    const env = { KUBELET_SOCKET: `${root}/device-plugins/kubelet.sock` };
    expect(load({ env }).config).toMatchObject({
      socketPath: `${root}/device-plugins/video-device-plugin.sock`,
      podResourcesSocket: `${root}/pod-resources/kubelet.sock`,
    });
    const argv = ["--pod-resources-socket=/p/r.sock"];
    expect(load({ env, argv }).config.podResourcesSocket).toBe("/p/r.sock");
    const elsewhere = load({ argv: ["--kubelet-socket=/t/kubelet.sock"] }).config;
    expect(elsewhere.socketPath).toBe("/t/video-device-plugin.sock");
    expect(elsewhere.podResourcesSocket).toBe("/var/lib/kubelet/pod-resources/kubelet.sock");
  });
  test("a process that manages no devices promises nothing about them", () => {
    const argv = ["--no-manage-devices"];
    expect(load({ argv }).config.manageDevices).toBe(false);
    expect(problems({ argv: [...argv, "--pre-start-container"] })).toEqual([
      '--pre-start-container: got "true" (from the command line), expected false with --no-manage-devices, which resets no device',
    ]);
    expect(problems({ argv: [...argv, "--remove-devices-on-exit"] })).toEqual([
      '--remove-devices-on-exit: got "true" (from the command line), expected false with --no-manage-devices, which creates no device that it could remove',
    ]);
  });
  test("ready cameras need a process that manages devices, and exclusive caps", () => {
    expect(load({ argv: ["--ready-cameras"] }).config.readyCameras).toBe(true);
    expect(problems({ argv: ["--ready-cameras", "--no-manage-devices"] })).toEqual([
      '--ready-cameras: got "true" (from the command line), expected false with --no-manage-devices: the process that offers ready cameras has to create and write them',
    ]);
    expect(problems({ argv: ["--ready-cameras", "--no-v4l2-exclusive-caps"] })).toEqual([
      '--ready-cameras: got "true" (from the command line), expected false with --no-v4l2-exclusive-caps, with which Chromium lists no camera',
    ]);
  });
  test("the numbers of cameras and feeds don't meet", () => {
    const argv = ["--ready-cameras", "--first-device-number=0"];
    expect(load({ argv: [...argv, "--max-devices=128"] }).config.maxDevices).toBe(128);
    expect(problems({ argv: [...argv, "--max-devices=129"] })).toEqual([
      '--max-devices: got "129" (from the command line), expected a whole number from 1 to 128 with --ready-cameras, which need two device numbers each',
    ]);
  });
  test("a ready camera's frames fit into its buffers", () => {
    const argv = ["--v4l2-max-width=640"];
    expect(load({ argv }).config.readyCameras).toBe(false);
    expect(problems({ argv: [...argv, "--ready-cameras"] })).toEqual([
      '--ready-size: got "1280x720" (the default), expected at most 640x1080, which --v4l2-max-width and --v4l2-max-height allow',
    ]);
  });
  test.each([
    ["/dev/feed{index}", "/dev/feed{n}"],
    ["/cams/{id}", "/cams/video{index}"],
  ])("a container never has camera %s and feed %s at one path", (camera, feed) => {
    const paths = [`--container-device-path=${camera}`, `--container-feed-path=${feed}`];
    expect(problems({ argv: paths })).toEqual([]);
    expect(problems({ argv: ["--ready-cameras", ...paths] })).toEqual([
      `--container-feed-path: got "${feed}" (from the command line), expected another path than that of --container-device-path, where the container has the camera`,
    ]);
  });
  test("the variables of camera and feed are no other resource's", () => {
    const argv = ["--container-device-env=VIDEO"];
    expect(problems({ argv })).toEqual([]);
    const [problem] = problems({ argv: ["--ready-cameras", ...argv] });
    expect(problem).toContain("it has to end in _DEVICE");
    expect(problems({ argv: ["--ready-cameras", "--container-device-env=A_DEVICE"] })).toEqual([]);
  });
  test("are not blamed for what is wrong already", () => {
    const argv = ["--max-devices=x", "--first-device-number=255", "--kubelet-socket=x"];
    expect(problems({ argv })).toHaveLength(2);
  });
});

test("nothing is parsed twice", () => {
  const asked: string[] = [];
  const read: string[] = [];
  load({
    argv: ["--env-file=/x.env"],
    readFile: (path) => {
      read.push(path);
      return "V4L2_DEVICE_GROUP=video";
    },
    lookupGroup: (name) => {
      asked.push(name);
      return 44;
    },
  });
  expect({ asked, read }).toEqual({ asked: ["video"], read: ["/x.env"] });
});

test("no input makes it throw, and each problem is one line", () => {
  const text = fc.string({ unit: "binary" });
  const flag = fc.constantFrom(...optionKeys.map((key) => `--${options[key].flag}`), "--env-file");
  const variable = fc.constantFrom(...optionKeys.map((key) => options[key].env));
  const argument = fc.oneof(
    text,
    flag,
    fc.tuple(flag, text).map(([name, value]) => `${name}=${value}`),
  );
  fc.assert(
    fc.property(
      fc.array(argument),
      fc.dictionary(variable, text),
      text,
      text,
      (argv, env, file, hostname) => {
        const result = loadConfig(sources({ argv, env, hostname, readFile: () => file }));
        if (result.ok) return;
        const lines = formatProblems(result.problems, "help").split(/[\r\n\u2028\u2029]/);
        expect(lines).toHaveLength(result.problems.length + 2);
      },
    ),
    { numRuns: 500 },
  );
});

test("the log shows the configuration and its origins under the same names", () => {
  const { config, origins } = load({ argv: ["--v4l2-device-perm=660"], env: { MAX_DEVICES: "4" } });
  const described = describeConfig(config, origins);
  expect(described.values).toMatchObject({
    node_name: "node-1",
    max_devices: 4,
    v4l2_device_perm: "0660",
    v4l2_device_group: null,
    v4l2_exclusive_caps: true,
  });
  expect(described.origins).toMatchObject({
    node_name: "the host's name",
    max_devices: "the environment variable MAX_DEVICES",
    v4l2_device_perm: "the command line",
    log_level: "the default",
  });
  expect(Object.keys(described.values)).toEqual(Object.keys(described.origins));
});
