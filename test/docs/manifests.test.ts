import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { names } from "../../deploy/names/names.ts";
import manifest from "../../package.json" with { type: "json" };
import { commands } from "../../src/cli/commands.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { optionKeys, options } from "../../src/config/options.ts";
import { apiVersion, fileKind } from "../../src/config/pools/declaration.ts";
import { variablesOf } from "../../src/config/pools/pool-checks.ts";
import {
  containersOf,
  exampleObjects,
  examplePools,
  podSpecOf,
  profiles,
  renderedDaemonSetSpec,
  renderedPodTemplate,
} from "../support/manifests.ts";

const program = "/usr/bin/video-device-plugin";
const known = new Set(optionKeys.map((key) => options[key].env));

/** Commands of the program in the manifests, with their allowed arguments. */
const used = new Map([
  ["run", []],
  ["setup", ["--allow-partial"]],
  ["probe", ["live", "ready"]],
]);

/** The command lines of a container: its own and its probes'. */
function commandLines(container: Record<string, unknown>): string[][] {
  const probes = ["startupProbe", "livenessProbe", "readinessProbe"].flatMap((name) => {
    const probe = container[name] as { exec: { command: string[] } } | undefined;
    return probe ? [probe.exec.command] : [];
  });
  return [container["command"] as string[], ...probes];
}

describe.each([...profiles])("the pods of the profile %s", (profile) => {
  const { spec } = renderedPodTemplate(profile);
  const containers = containersOf(spec);

  test("set variables that are options, once each, to values that the program accepts", () => {
    for (const { env = [] } of containers) {
      const names = env.map(({ name }) => name);
      expect(names.filter((name) => !known.has(name))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
      const loaded = loadConfig({
        argv: [],
        env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
        hostname: "node-1",
        readFile: () => "",
        lookupGroup: () => undefined,
      });
      expect(loaded).toMatchObject({ ok: true, config: { deviceDir: "/host/dev" } });
    }
  });

  test("name the released image, by its version", () => {
    for (const { image } of containers) expect(image).toBe(`${names.image}:${manifest.version}`);
  });

  test("run the program's commands", () => {
    const lines = containers.flatMap(commandLines);
    expect(lines.length).toBeGreaterThan(3);
    for (const [path, command = "", ...rest] of lines) {
      expect(path).toBe(program);
      expect([...used.keys()]).toContain(command);
      for (const argument of rest) expect(used.get(command)).toContain(argument as never);
    }
  });

  test("have the end of their log as termination message", () => {
    for (const { terminationMessagePolicy } of containers) {
      expect(terminationMessagePolicy).toBe("FallbackToLogsOnError");
    }
  });

  test("mount every volume, and only those, each path once", () => {
    const volumes = new Set(spec.volumes?.map(({ name }) => name));
    const mounts = containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
    expect(new Set(mounts.map(({ name }) => name))).toEqual(volumes);
    for (const { volumeMounts = [] } of containers) {
      const paths = volumeMounts.map(({ mountPath }) => mountPath);
      expect(new Set(paths).size).toBe(paths.length);
      // The container's own /dev stays.
      expect(paths).not.toContain("/dev");
    }
  });

  test("mount the node's modules and configuration read-only where devices are created", () => {
    const maker = containers.find(
      ({ securityContext }) => securityContext?.["privileged"] === true,
    );
    for (const path of ["/lib/modules", "/etc/modprobe.d", "/boot"]) {
      expect(maker?.volumeMounts).toContainEqual(
        expect.objectContaining({ mountPath: path, readOnly: true }),
      );
    }
  });

  test("can write only to the program's directories", () => {
    const main = spec.containers[0];
    const writable = main?.volumeMounts?.filter(({ readOnly }) => readOnly !== true);
    const always = [
      "/var/lib/kubelet/device-plugins",
      "/run/video-device-plugin",
      "/var/lib/video-device-plugin",
    ];
    expect(writable?.map(({ mountPath }) => mountPath).sort()).toEqual(
      [...always, ...(profile === "full" ? ["/host/dev"] : [])].sort(),
    );
    for (const { securityContext } of containers) {
      expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true, runAsUser: 0 });
    }
  });

  test("share no namespace with the node, and have no access to the API server", () => {
    expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    for (const key of ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"]) {
      expect(spec).not.toHaveProperty(key);
    }
  });

  test("have the requests and the memory limit of the original plugin, and no CPU limit", () => {
    for (const { resources } of containers) {
      expect(resources).toEqual({
        requests: { memory: "64Mi", cpu: "100m" },
        limits: { memory: "128Mi" },
      });
    }
  });

  test("stay off nodes that have no kernel of their own", () => {
    const affinity = JSON.stringify(spec["affinity"]);
    expect(affinity).toContain('"eks.amazonaws.com/compute-type","operator":"NotIn"');
    expect(affinity).toContain('"operator":"NotIn","values":["virtual-kubelet"]');
  });

  test("hand over to each other: the new one of a node is ready before the old one is deleted", () => {
    const { rollingUpdate } = renderedDaemonSetSpec(profile).updateStrategy;
    expect(rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  });

  test("have the label that the runbooks name", () => {
    const { labels } = renderedPodTemplate(profile).metadata;
    expect(labels).toMatchObject({ name: "video-device-plugin" });
  });
});

test("in the restricted profile, only the init container has privileges and creates devices", () => {
  const { spec } = renderedPodTemplate("restricted");
  const [setup, ...others] = containersOf(spec);
  expect(setup?.command?.[1]).toBe("setup");
  expect(setup?.securityContext).toMatchObject({ privileged: true });
  expect(others).toHaveLength(1);
  expect(others[0]?.securityContext).toMatchObject({
    privileged: false,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
  });
  expect(others[0]?.env).toContainEqual({ name: "MANAGE_DEVICES", value: "false" });
  expect(setup?.env).not.toContainEqual(expect.objectContaining({ name: "MANAGE_DEVICES" }));
  expect(spec["securityContext"]).toEqual({ seccompProfile: { type: "RuntimeDefault" } });
});

const dockerfile = Bun.file(join(import.meta.dir, "../../Dockerfile"));

test.skipIf(!(await dockerfile.exists()))(
  "the manifests have the program's path in the image",
  async () => {
    expect(await dockerfile.text()).toContain(`\nENTRYPOINT ["${program}"]\n`);
  },
);

test("the commands that the manifests run exist", () => {
  const names = commands.map(({ name }) => name);
  expect([...used.keys()].filter((name) => !names.includes(name))).toEqual([]);
});

describe.each([...exampleObjects()])("the example %s", (_file, objects) => {
  const resource = options.resourceName.default;

  test("requests devices in whole numbers, as many as its limit", () => {
    const asks = objects.flatMap((object) => {
      const spec = podSpecOf(object);
      return spec === undefined ? [] : containersOf(spec).map(({ resources }) => resources);
    });
    expect(asks.length).toBeGreaterThan(0);
    for (const ask of asks) {
      const limit = ask?.limits[resource];
      expect(Number.isInteger(limit)).toBe(true);
      expect(limit as number).toBeGreaterThan(0);
      // Without requests the limits count.
      if (ask?.requests !== undefined) expect(ask.requests[resource]).toBe(limit);
    }
  });

  test("reads only variables that the plugin sets", () => {
    const variables = [...JSON.stringify(objects).matchAll(/\$\{?(VIDEO_\w+)/g)].map(([, v]) => v);
    for (const name of variables) expect(["VIDEO_DEVICE", "VIDEO_DEVICES"]).toContain(String(name));
  });

  test("has the variables that its triggers read", () => {
    for (const object of objects) {
      const { triggers = [] } =
        (object as { spec?: { triggers?: { metadata: object }[] } }).spec ?? {};
      const spec = podSpecOf(object);
      const env = spec === undefined ? [] : containersOf(spec).flatMap((one) => one.env ?? []);
      const read = triggers.flatMap(({ metadata }) =>
        Object.entries(metadata).flatMap(([key, name]) => (key.endsWith("FromEnv") ? [name] : [])),
      );
      expect(env.map(({ name }) => name)).toEqual(expect.arrayContaining(read));
    }
  });
});

test("the pools of the example two-pools.yaml have the resources and the variables of its pod", () => {
  const loaded = loadConfig({
    argv: ["--config=pools.yaml"],
    env: {},
    hostname: "node-1",
    readFile: () => `apiVersion: ${apiVersion}\nkind: ${fileKind}\n${examplePools()}`,
    lookupGroup: () => undefined,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const [pod] = exampleObjects().get("two-pools.yaml") ?? [];
  const [container] = (pod === undefined ? undefined : podSpecOf(pod))?.containers ?? [];
  const resources = loaded.pools.map(({ options: { resourceName } }) => resourceName);
  expect(resources).toEqual(Object.keys(container?.resources?.limits ?? {}));
  const read = [...JSON.stringify(container?.command).matchAll(/\$(\w+)/g)].map(([, name]) => name);
  expect(loaded.pools.map((pool) => variablesOf(pool)[0])).toEqual(read);
});
