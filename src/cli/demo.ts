import { relative } from "node:path";
import { aborted, systemClock } from "../common/clock.ts";
import { thisProgram } from "../common/this-program.ts";
import { switchFlag } from "./arguments.ts";
import { type Command, exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import * as acts from "./demo/acts.ts";
import { demoRun, runUntilInputEnds } from "./demo/plugin-process.ts";
import { DemoFailure, Stage } from "./demo/stage.ts";
import { Timeline } from "./demo/timeline.ts";
import { webcams } from "./demo/webcams.ts";
import { hasColour, interruptSignal } from "./terminal.ts";

const story: readonly acts.Act[] = [
  acts.registration,
  acts.pods,
  acts.kubeletRestart,
  acts.fault,
  acts.loss,
  acts.crash,
  acts.podsEnd,
  webcams,
  acts.readyCameras,
];

/** Pause between two acts, ms: time to read. */
const pauseMs = 700;

const playCommand = defineCommand("demo", {
  usage: ["demo [--keep]"],
  about: `Starts an embedded kubelet (it behaves as the real one's device manager does), eight simulated video devices and
the plugin, and plays the life of a node: pods get devices, the kubelet restarts, a device becomes unhealthy, another one
is deleted, the plugin is killed, pods end, a webcam is plugged in and out, a ready camera lives, and the plugin stops. Each
line shows what was measured. Needs no cluster, no camera and no root, and leaves nothing behind.`,
  exitCodes: ["every step happened", "a step did not happen"],
  flags: {
    keep: switchFlag(
      "Keeps the kubelet and the plugin running, shows where they are, and waits for Ctrl-C.",
    ),
  },
  async run({ flags }, terminal) {
    const timeline = new Timeline(terminal, hasColour(terminal));
    const stage = new Stage(timeline);
    const interrupted = interruptSignal(() => stage.abandon());
    try {
      timeline.title(
        "Video Device Plugin: the real plugin, an embedded kubelet, 8 simulated cameras",
      );
      for (const act of story) {
        await act(stage);
        await systemClock.sleep(pauseMs, interrupted);
        if (interrupted.aborted) return 128 + 2;
      }
      if (flags.keep === true) await keep(stage, interrupted);
      await acts.cleanStop(stage);
      timeline.title(`Every step happened, in ${timeline.seconds.toFixed(1)} s.`);
      return exitCode.ok;
    } catch (error) {
      if (!(error instanceof DemoFailure)) throw error;
      timeline.failed(error.message);
      timeline.note(
        `The plugin's last log lines:\n${stage.plugin?.lastLines.join("\n") ?? "none"}`,
      );
      return exitCode.failure;
    } finally {
      await stage.clear();
    }
  },
});

/** `demo`, and `demo run ...` for the process of its own that it starts. */
export const demoCommand: Command = {
  ...playCommand,
  run: ([first, ...rest], terminal) =>
    first === demoRun
      ? runUntilInputEnds(rest, terminal)
      : playCommand.run(first === undefined ? [] : [first, ...rest], terminal),
};

async function keep(stage: Stage, interrupted: AbortSignal): Promise<void> {
  const { timeline, paths, directory, kubelet, faultsDir } = stage;
  timeline.act("Still running: try things, Ctrl-C ends it");
  const faults = relative(directory, faultsDir);
  timeline.note(
    [
      `its files       cd ${directory}`,
      `kubelet         ${relative(directory, paths.kubeletSocket)}`,
      `pod-resources   ${relative(directory, kubelet.podResourcesSocket)}`,
      `plugin          ${relative(directory, paths.socketPath).replace(".sock", "-*.sock")}`,
      `devices         ${relative(directory, paths.simulatedDir)}`,
      `in a browser    http://127.0.0.1:${paths.metricsPort}/ (for Prometheus: /metrics)`,
      "",
      "There, in another terminal:",
      `ask the plugin  ${thisProgram().join(" ")} \\`,
      `                status --admin-socket $PWD/${relative(directory, paths.adminSocket)}`,
      `break one       echo "the lens cap is on" > ${faults}/video12.sick`,
      `fix it          rm ${faults}/video12.sick`,
      `hold one open   echo "cat (process 7)" > ${faults}/video14.held`,
      `delete one      rm ${relative(directory, paths.simulatedDir)}/video13`,
      `stream          echo "YU12 1280x720" > ${faults}/video10.streaming`,
      `a wrong size    echo "too small" > ${faults}/video11.wrong-size`,
    ].join("\n"),
  );
  const stop = kubelet.events.listen((event) => {
    if (event.type === "list_received") {
      timeline.done(`the kubelet lists ${event.healthy} of ${event.total} devices as healthy`);
      stage.drawDevices();
    }
  });
  await aborted(interrupted);
  stop();
}
