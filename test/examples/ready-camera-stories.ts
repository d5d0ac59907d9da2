import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitForVm } from "../cluster/vm-node.ts";
import { GiveUp } from "../kubelet/wait.ts";
import { explained } from "../support/explained.ts";
import { exampleObjects, type KubernetesObject, podSpecOf } from "../support/manifests.ts";
import type { Listing } from "./listing-watch.ts";
import { release, type VmStage, withEnv } from "./vm-stage.ts";

/** What watch-page.mjs says of the bot's page. */
interface Page {
  readonly state: "live" | "ended";
  /** How many frames came, and how many of them differ from the one before. */
  readonly frames: number;
  readonly pictures: number;
  /** Between which times the picture stood still, ms since the epoch. */
  readonly stills: readonly (readonly [from: number, to: number])[];
}

/**
 * Tests of ready cameras on the stage's node, after those of plain devices: the release is upgraded to ready cameras, and a
 * page's track lives through an upgrade of the plugin.
 */
export function readyCameraStories(
  stage: VmStage,
  pictures: Readonly<Record<string, string>>,
  testMs: number,
): void {
  const { kubectl } = stage;
  const story = (name: string, work: () => Promise<void>) =>
    test(
      name,
      async () => {
        await explained(work, () => stage.report());
        stage.say(name);
      },
      testMs,
    );

  story(
    "plain devices become ready cameras with the upgrade of docs/ready-cameras.md",
    async () => {
      const size = pictures["VIDEO_SIZE"];
      await stage.upgrade("first", [
        ...["config.readyCameras=true", `config.readySize=${size}`, "config.readyRate=10"],
        // Each camera's relay takes the emulated CPU's time.
        "config.maxDevices=2",
        // A standby of ready cameras isn't ready while there are plain devices.
        ...surge(0, 1),
      ]);
      await waitForVm("both cameras are allocatable", async () =>
        (await stage.cluster.allocatable("meeting-baas.io/video-devices", stage.vm.name)) === 2
          ? true
          : undefined,
      );
    },
  );

  story("helm test passes on a ready camera: frames of the feed come back from it", async () => {
    const args = ["--namespace", "kube-system", "--logs", "--timeout=10m"];
    const out = await stage.cluster.helm("test", release, ...args);
    expect(out).toMatch(/^Phase: +Succeeded$/m);
    expect(out).toMatch(
      /^\/dev\/video1\d, written at \/dev\/feed0: all 100 frames of 640x360 YU12 came back/m,
    );
  });

  story("ready-camera.yaml: a page's track lives through helm upgrade", async () => {
    const [pod] = exampleObjects().get("ready-camera.yaml") ?? [];
    if (pod === undefined) throw new Error("no ready-camera.yaml");
    await stage.play(watched(withEnv(pod, pictures)), async ([name = ""]) => {
      const said = await stage.says(name, /^moving: [1-9]\d* pixels differ between two frames$/m);
      expect(said).toMatch(/^camera: MeetingBot_WebCam.*, 640x360$/m);
      expect(said).toMatch(/^no program writes yet: the page shows the placeholder$/m);
      expect(await stage.inPod(name, "id -u")).toBe("1000");

      await watchListing(await stage.inPod(name, "echo $VIDEO_CAMERA"));
      const before = await morePictures(name);
      const begun = Number(await stage.vm.run("date +%s%3N"));
      await stage.upgrade("next", surge(1, 0));
      const after = await morePictures(name, await pageOf(name));
      const listings = await endOfListing();
      report(begun, listings, after);

      expect(after.frames).toBeGreaterThan(before.frames);
      expect(gapsOf(listings).length).toBeLessThanOrEqual(1);
      // The page lists its cameras: the track ends if its camera is not among them.
      await stage.inPod(name, "kill -USR2 1");
      expect(await stage.says(name, /^listed: /m)).toMatch(/^listed: MeetingBot_WebCam/m);
      await morePictures(name, await pageOf(name));
      expect(await stage.log(name)).not.toContain("the camera's track has ended");
      const { status } = await kubectl.get("pod", name);
      expect([status.phase, status.containerStatuses[0].restartCount]).toEqual(["Running", 0]);
    });
  });

  /** The last line of watch-page.mjs. */
  async function pageOf(pod: string): Promise<Page> {
    const lines = (await stage.log(pod)).matchAll(/^watch: (\{.*\})$/gm);
    const [, last] = [...lines].at(-1) ?? [];
    if (last === undefined) throw new Error(`${pod} has not said what its page shows`);
    return JSON.parse(last);
  }

  /** Resolves when the page's live track has shown ten more pictures of the application. */
  async function morePictures(pod: string, than?: Page): Promise<Page> {
    const start = than ?? (await pageOf(pod));
    return waitForVm(`the page of ${pod} shows more`, async () => {
      const now = await pageOf(pod);
      if (now.state !== "live") throw new GiveUp(`the page's track is ${now.state}`);
      return now.pictures >= start.pictures + 10 ? now : undefined;
    });
  }

  /** Has the node look over and over whether a browser lists this device, until {@link endOfListing}. */
  async function watchListing(device: string): Promise<void> {
    await stage.vm.run(`mkdir -p /run/pod-dev && ln -sf ${device} /run/pod-dev/ &&
      systemd-run --quiet --unit=listing-watch --property=StandardOutput=file:/run/listing /story/bin/listing-watch /run/pod-dev`);
    await waitForVm(`${device} is listed`, async () =>
      (await stage.vm.run("cat /run/listing")).includes(`"listed":true`) ? true : undefined,
    );
  }

  /** Each change of the listing so far. The last is one to listed. */
  async function endOfListing(): Promise<Listing[]> {
    const seen = await waitForVm("the camera is listed again", async () => {
      const lines = (await stage.vm.run("cat /run/listing")).split("\n");
      const listings: Listing[] = lines.map((line) => JSON.parse(line));
      return listings.at(-1)?.listed ? listings : undefined;
    });
    await stage.vm.run("systemctl stop listing-watch");
    return seen;
  }

  /** Prints what the upgrade took, for docs/ready-cameras.md. */
  function report(begun: number, listings: readonly Listing[], { stills }: Page): void {
    const seconds = (ms: number) => (ms / 1000).toFixed(2);
    for (const { atLeast, atMost } of gapsOf(listings)) {
      stage.say(`not listed for ${seconds(atLeast)} to ${seconds(atMost)} s`);
    }
    const longest = Math.max(
      0,
      ...stills.filter(([, end]) => end > begun).map(([from, to]) => to - from),
    );
    stage.say(`the page's picture stood still for ${seconds(longest)} s at most`);
  }
}

const surge = (maxSurge: number, maxUnavailable: number) =>
  Object.entries({ maxSurge, maxUnavailable }).map(
    ([name, value]) => `updateStrategy.rollingUpdate.${name}=${value}`,
  );

/** How long the camera was not listed each time, ms. */
function gapsOf(listings: readonly Listing[]): { atLeast: number; atMost: number }[] {
  return listings.flatMap((end, index) => {
    const begin = listings[index - 1];
    if (!end.listed || begin === undefined) return [];
    return [{ atLeast: end.before - begin.at, atMost: end.at - begin.before }];
  });
}

/** The pod of the bot with watch-page.mjs, and that. */
function watched(pod: KubernetesObject): KubernetesObject[] {
  const name = "watch-page";
  const data = { [`${name}.mjs`]: readFileSync(join(import.meta.dir, `${name}.mjs`), "utf8") };
  const copy = withEnv(pod, { NODE_OPTIONS: `--import=/watch/${name}.mjs` });
  const spec = podSpecOf(copy);
  Object.assign(spec ?? {}, { volumes: [{ name, configMap: { name } }] });
  for (const container of spec?.containers ?? []) {
    Object.assign(container, { volumeMounts: [{ name, mountPath: "/watch" }] });
  }
  return [copy, { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data }];
}
