import assert from "node:assert/strict";
import { basename } from "node:path";
import { freePort } from "../support/free-port.ts";
import { PluginBinary } from "../support/plugin-binary.ts";
import { devicePaths, type Scenario, scenario } from "./kubelet-scenarios.ts";
import type { Stage } from "./kubelet-scenarios-stage.ts";
import { listedPaths, type TestNode } from "./node.ts";

/** Runs `play` with this plugin, registered, instead of the stage's. */
export async function withPlugin<Node extends TestNode>(
  stage: Stage<Node, PluginBinary>,
  plugin: PluginBinary,
  play: () => Promise<void>,
): Promise<void> {
  await stage.plugin.stop("SIGTERM");
  await stage.showsResources({ capacity: stage.total, allocatable: 0 });
  await plugin.explaining(async () => {
    try {
      await plugin.start();
      await stage.showsAllDevices();
      await play();
    } finally {
      await plugin.stop("SIGTERM");
    }
    plugin.assertCleanOutput();
  });
}

/** As {@link withPlugin}, with a plugin of other flags. */
export function withFlags<Node extends TestNode>(
  stage: Stage<Node, PluginBinary>,
  flags: readonly string[],
  play: (plugin: PluginBinary) => Promise<void>,
): Promise<void> {
  const plugin = new PluginBinary(stage.node, { name: "with-flags", flags });
  return withPlugin(stage, plugin, () => play(plugin));
}

/** What `/status.json` says of a device's owner. */
interface ShownOwner {
  readonly pod: string;
  readonly since?: string;
  readonly sinceIsExact: boolean;
}

/** The owner of the only device that has one, from the plugin's port; `since` in ms since the epoch. */
async function ownerShown(port: number) {
  const response = await fetch(`http://127.0.0.1:${port}/status.json`);
  const { status } = (await response.json()) as {
    status: { devices: { owner?: ShownOwner }[] };
  };
  const [owner, ...others] = status.devices.flatMap((device) => device.owner ?? []);
  assert.ok(owner?.since, "no owner is shown yet");
  assert.deepEqual(others, []);
  return { ...owner, since: Date.parse(owner.since) };
}

/** Scenarios of options whose effect a kubelet or a pod sees. */
export const optionScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario("with --pre-start-container the kubelet calls PreStartContainer", async (stage) => {
    await withFlags(stage, ["--pre-start-container"], async (plugin) => {
      const pod = await stage.runPod("prepared", 2);
      const calls = plugin.log.saying("Devices prepared for container start");
      const { prepared } = await stage.allocationsOf("prepared");
      assert.deepEqual(
        calls.map((call) => (call["device_ids"] as string[]).toSorted()),
        [prepared],
      );
      assert.deepEqual(pod.deviceNodes, devicePaths(pod));
    });
  }),

  scenario(
    "without --pre-start-container the kubelet does not call PreStartContainer",
    async (stage) => {
      const asked = () => stage.plugin.log.saying("Devices prepared for container start");
      const before = asked().length;
      await stage.runPod("one", 1);
      assert.equal(asked().length, before);
    },
  ),

  scenario("--container-device-path sets the devices' paths in the container", async (stage) => {
    await withFlags(stage, ["--container-device-path=/dev/video{index}"], async () => {
      const one = await stage.runPod("one", 1);
      assert.deepEqual(one.env, { VIDEO_DEVICE: "/dev/video0", VIDEO_DEVICES: "/dev/video0" });
      assert.deepEqual(one.deviceNodes, ["/dev/video0"]);

      const two = await stage.runPod("two", 2);
      const paths = "/dev/video0,/dev/video1";
      assert.deepEqual(two.env, { VIDEO_DEVICE: "/dev/video0", VIDEO_DEVICES: paths });
      assert.deepEqual(two.deviceNodes, ["/dev/video0", "/dev/video1"]);
    });
  }),

  scenario(
    "a pod that asks for devices of two instances finds both, each by a variable of its own",
    async (stage) => {
      const resource = "example.com/more-cameras";
      const second = new PluginBinary(stage.node, {
        name: "other",
        release: "other",
        flags: [
          `--resource-name=${resource}`,
          "--container-device-env=CAMERA",
          "--first-device-number=30",
          "--max-devices=3",
        ],
      });
      await second.explaining(async () => {
        try {
          await second.start();
          await stage.showsResources({ capacity: 3, allocatable: 3 }, resource);
          const { env, deviceNodes } = await stage.runPod("both", 1, { [resource]: 2 });
          const { both: [own = ""] = [] } = await stage.allocationsOf("both");
          assert.equal(env["VIDEO_DEVICE"], `/dev/${own}`);
          assert.equal(env["VIDEO_DEVICES"], `/dev/${own}`);
          const others = env["CAMERAS"]?.split(",") ?? [];
          assert.deepEqual(
            others,
            ["/dev/video30", "/dev/video31", "/dev/video32"].filter((path) =>
              others.includes(path),
            ),
          );
          assert.equal(others.length, 2);
          assert.equal(env["CAMERA"], others[0]);
          assert.deepEqual(deviceNodes, [`/dev/${own}`, ...others]);
        } finally {
          await second.stop("SIGTERM");
        }
        second.assertCleanOutput();
      });
    },
  ),

  scenario(
    "with another --resource-name no pod gets a device of a pod of before until that has ended",
    async (stage) => {
      const before = await stage.runPod("before", 1);
      const { before: [owned = ""] = [] } = await stage.allocationsOf("before");
      await stage.plugin.stop("SIGTERM");
      await stage.showsResources({ capacity: stage.total, allocatable: 0 });
      const resource = "example.com/renamed-cameras";
      const renamed = new PluginBinary(stage.node, {
        name: "renamed",
        flags: [`--resource-name=${resource}`, "--pod-resources-interval=1"],
      });
      const offers = () =>
        renamed.log
          .saying("Device list sent")
          .map(({ healthy_device_ids: ids }) => ids as string[]);
      const others = stage.plugin.ids.filter((id) => id !== owned);
      await renamed.explaining(async () => {
        try {
          await renamed.start();
          const all = { capacity: stage.total, allocatable: stage.total };
          await stage.showsResources({ ...all, allocatable: others.length }, resource);
          await stage.createPod("after", 0, { [resource]: others.length });
          const after = await stage.podRuns("after");
          assert.deepEqual(
            listedPaths(after.env).map((path) => basename(path)),
            others,
          );
          await stage.isUntouched(before);
          // Each list leaves it out, the first one too.
          assert.deepEqual(new Set(offers().map((ids) => ids.join())), new Set([others.join()]));
          const [held] = renamed.log
            .saying("Device unhealthy")
            .filter(({ device_id: id }) => id === owned);
          assert.equal(held?.["reason"], "other_resource");

          await stage.deletePod("before");
          await stage.eventually(async () => {
            assert.deepEqual(offers().at(-1), stage.plugin.ids);
          });
          await stage.showsResources(all, resource);
          await stage.createPod("last", 0, { [resource]: 1 });
          const last = await stage.podRuns("last");
          assert.deepEqual(last.env["VIDEO_DEVICE"], devicePaths(before)[0]);
        } finally {
          await renamed.stop("SIGTERM");
        }
        renamed.assertCleanOutput();
      });
    },
  ),

  scenario(
    "the status shows for how long a pod has owned its device, and after a restart that it is longer",
    async (stage) => {
      const port = freePort();
      const flags = ["--enable-metrics", "--metrics-address=127.0.0.1", `--metrics-port=${port}`];
      await withFlags(stage, flags, async (plugin) => {
        const createdAt = Date.now();
        await stage.runPod("one", 1);
        const ranAt = Date.now();
        const owner = await stage.eventually(() => ownerShown(port));
        assert.ok(owner.since >= createdAt && owner.since <= ranAt);
        assert.equal(owner.sinceIsExact, true);

        await plugin.stop("SIGTERM");
        const restartedAt = Date.now();
        await plugin.start();
        const seen = await stage.eventually(() => ownerShown(port));
        assert.equal(seen.pod, owner.pod);
        assert.equal(seen.sinceIsExact, false);
        assert.ok(seen.since >= restartedAt);
        await stage.showsAllDevices();
      });
    },
  ),

  scenario(
    "--enable-metrics serves readiness and the number of allocated devices",
    async (stage) => {
      const port = freePort();
      const flags = ["--enable-metrics", "--metrics-address=127.0.0.1", `--metrics-port=${port}`];
      const get = async (path: string) => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`);
        return { status: response.status, body: await response.text() };
      };
      await withFlags(stage, flags, async () => {
        assert.deepEqual(await get("/readyz"), { status: 200, body: "ok: registered, devices\n" });
        assert.equal((await get("/healthz")).status, 200);

        await stage.runPod("one", 1);
        await stage.runPod("two", 2);
        const { body } = await get("/metrics");
        assert.match(body, /^video_device_plugin_registered 1$/m);
        assert.match(body, /^video_device_plugin_allocated_devices_total 3$/m);
        assert.match(body, /^video_device_plugin_allocate_duration_seconds_count 2$/m);

        await stage.withoutKubelet(async () => {
          await stage.eventually(async () => assert.equal((await get("/readyz")).status, 503));
          assert.equal((await get("/healthz")).status, 200);
        });
        await stage.eventually(async () => assert.equal((await get("/readyz")).status, 200));
      });
    },
  ),
];
