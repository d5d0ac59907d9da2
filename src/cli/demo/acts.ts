import { existsSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PodStatus } from "../../simulator/pod.ts";
import { must, running, type Stage } from "./stage.ts";

/** A part of the demo; rejects if what it shows does not happen. */
export type Act = (stage: Stage) => Promise<void>;

export async function registration(stage: Stage): Promise<void> {
  const { kubelet, timeline } = stage;
  timeline.act("A node comes up: the kubelet starts, and the plugin after it");
  await kubelet.start();
  stage.startPlugin();
  const ms = await stage.counts(8, 8);
  timeline.done("the plugin created 8 devices; the kubelet counts 8 of 8", ms);
  stage.drawDevices();
}

export async function pods(stage: Stage): Promise<void> {
  const { timeline } = stage;
  timeline.act("Two pods request meeting-baas.io/video-devices: 1 and 2");
  for (const [name, devices] of [
    ["recorder", 1],
    ["mixer", 2],
  ] as const) {
    const started = performance.now();
    const pod = await stage.kubelet.addPod({ name, containers: [{ name: "app", devices }] });
    const ms = performance.now() - started;
    const { VIDEO_DEVICE, VIDEO_DEVICES } = running(pod).env;
    must(
      VIDEO_DEVICES?.split(",").length === devices,
      `${name} got VIDEO_DEVICES=${VIDEO_DEVICES}`,
    );
    const variables =
      devices === 1 ? `VIDEO_DEVICE=${VIDEO_DEVICE}` : `VIDEO_DEVICES=${VIDEO_DEVICES}`;
    timeline.done(`${name} runs with ${variables}`, ms);
  }
  stage.drawDevices();
}

export async function kubeletRestart(stage: Stage): Promise<void> {
  const { kubelet, timeline } = stage;
  timeline.act("The kubelet restarts while both pods run");
  const before = kubelet.pods.map(containerIds).join();
  kubelet.stop();
  timeline.done("the kubelet is gone, the pods keep running");
  await kubelet.start();
  const ms = await stage.counts(8, 8);
  must(kubelet.pods.map(containerIds).join() === before, "a container was replaced");
  timeline.done("the plugin registered again, the containers are the same", ms);
  stage.drawDevices();
}

export async function fault(stage: Stage): Promise<void> {
  const { kubelet, timeline } = stage;
  timeline.act("video17 becomes unhealthy, and then healthy again");
  const file = join(stage.faultsDir, "video17.sick");
  writeFileSync(file, "the lens cap is on");
  timeline.done("the kubelet counts 7 of 8", await stage.counts(8, 7));
  stage.drawDevices();
  const greedy = await kubelet.addPod({
    name: "greedy",
    containers: [{ name: "app", devices: 5 }],
  });
  must(greedy.phase === "Failed", "a pod got more devices than are healthy");
  timeline.done(`5 requested, 4 free: the kubelet rejects it, ${greedy.reason}`);
  kubelet.removePod("greedy");
  rmSync(file);
  timeline.done("healthy again: 8 of 8", await stage.counts(8, 8));
}

export async function loss(stage: Stage): Promise<void> {
  const { kubelet, timeline } = stage;
  timeline.act("The node of video16 is deleted");
  const started = performance.now();
  unlinkSync(join(stage.paths.simulatedDir, "video16"));
  let lostMs: number | undefined;
  await stage.happens("video16 lost and found", () => {
    const health = kubelet.devices()["video16"];
    if (health === "Unhealthy") lostMs ??= performance.now() - started;
    return lostMs !== undefined && health === "Healthy";
  });
  timeline.done("the kubelet lists it as unhealthy", lostMs);
  timeline.done("the plugin created it again, and it is healthy", performance.now() - started);
}

export async function crash(stage: Stage): Promise<void> {
  const { kubelet, timeline } = stage;
  timeline.act("The plugin is killed (SIGKILL) and started again");
  const before = kubelet.pods.map(containerIds).join();
  stage.plugin?.kill("SIGKILL");
  timeline.done("the kubelet keeps the capacity and can allocate 0 of 8", await stage.counts(8, 0));
  stage.startPlugin();
  const ms = await stage.counts(8, 8);
  must(kubelet.pods.map(containerIds).join() === before, "a container was replaced");
  timeline.done("the new plugin adopted the devices: 8 of 8; the pods run on", ms);
}

export async function podsEnd(stage: Stage): Promise<void> {
  const { kubelet, timeline } = stage;
  timeline.act("The pods end, and another one starts");
  kubelet.removePod("recorder");
  kubelet.removePod("mixer");
  const pod = await kubelet.addPod({ name: "streamer", containers: [{ name: "app", devices: 1 }] });
  timeline.done(`streamer runs with VIDEO_DEVICE=${running(pod).env["VIDEO_DEVICE"]}`);
  for (const id of kubelet.allocations()["streamer"] ?? []) {
    writeFileSync(join(stage.faultsDir, `${id}.streaming`), "YUYV 640x480 30 fps");
  }
  stage.drawDevices();
}

export async function readyCameras(stage: Stage): Promise<void> {
  const { kubelet, timeline, faultsDir } = stage;
  timeline.act("The plugin is started again with READY_CAMERAS=true");
  const ms = await stage.restartPlugin(["--ready-cameras"]);
  timeline.done("each device has a feed beside its camera: 8 of 8", ms);
  const pod = await kubelet.addPod({ name: "bot", containers: [{ name: "app", devices: 1 }] });
  const { VIDEO_CAMERA, VIDEO_DEVICE } = running(pod).env;
  must(VIDEO_CAMERA !== undefined && VIDEO_DEVICE === "/dev/feed0", "bot got no ready camera");
  timeline.done(`bot's browser has ${VIDEO_CAMERA}, its writer VIDEO_DEVICE=${VIDEO_DEVICE}`);
  const [id = ""] = kubelet.allocations()["bot"] ?? [];
  const fault = (name: string) => join(faultsDir, `${id}.${name}`);
  await stage.shows(id, "placeholder");
  timeline.done("no program writes yet: the camera shows the placeholder");
  writeFileSync(fault("streaming"), "YU12 1280x720 30 fps");
  timeline.done("bot writes: the camera shows its frames", await stage.shows(id, "application"));
  rmSync(fault("streaming"));
  timeline.done("the writer ends: the placeholder again", await stage.shows(id, "placeholder"));
  const problem = "The feed gets 614400 bytes a frame, and this camera is 1280x720 YU12.";
  writeFileSync(fault("wrong-size"), problem);
  await stage.shows(id, "placeholder", problem);
  timeline.done(`another writer has the wrong size, and status says: ${problem}`);
  rmSync(fault("wrong-size"));
  await stage.shows(id, "placeholder");
  kubelet.removePod("bot");
}

export async function cleanStop(stage: Stage): Promise<void> {
  const { timeline, paths, plugin } = stage;
  timeline.act("The plugin is stopped (SIGTERM)");
  const started = performance.now();
  plugin?.kill("SIGTERM");
  const [unlistedMs, code] = await Promise.all([stage.counts(8, 0), plugin?.exited]);
  timeline.done("the kubelet can allocate 0 of 8", unlistedMs);
  must(code === 0, `the plugin ended with exit code ${code}`);
  timeline.done("the plugin ended with exit code 0", performance.now() - started);
  const left = readdirSync(dirname(paths.socketPath)).filter((name) =>
    name.startsWith(basename(paths.socketPath, ".sock")),
  );
  must(left.length === 0, `sockets were left behind: ${left.join(", ")}`);
  must(existsSync(join(paths.simulatedDir, "video10")), "a device was removed");
  must(stage.kubelet.pod("streamer")?.phase === "Running", "streamer does not run any more");
  timeline.done("its socket is gone, the devices stay, streamer still runs");
}

function containerIds(pod: PodStatus): string {
  return pod.containers.map(({ containerId }) => containerId).join();
}
