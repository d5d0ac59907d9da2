import { isatty } from "node:tty";
import { aborted } from "../common/aborted.ts";
import { systemClock } from "../common/clock.ts";
import { type Command, PROGRAM } from "./command.ts";
import * as acts from "./demo/acts.ts";
import { thisProgram } from "./demo/plugin-process.ts";
import { DemoFailure, Stage } from "./demo/stage.ts";
import { Timeline } from "./demo/timeline.ts";
import { exitCode } from "./exit-code.ts";
import { unexpectedArguments } from "./usage-error.ts";

const story: readonly acts.Act[] = [
  acts.registration,
  acts.pods,
  acts.kubeletRestart,
  acts.sickness,
  acts.loss,
  acts.crash,
  acts.podsEnd,
];

/** Between two acts, ms: time to read. */
const pauseMs = 700;

export const demoCommand: Command = {
  syntax: { flags: [{ flag: "keep", isSwitch: true, expected: "nothing" }] },
  help: () => `Usage: ${PROGRAM} demo [--keep]

Starts a kubelet of its own (it behaves as the real one's device manager does), eight simulated video
devices and the plugin, and plays a node's life: pods get devices, the kubelet restarts, a device falls
ill and another one vanishes, the plugin is killed, pods end, everything stops. Each line shows what was
measured. Needs no cluster, no camera and no root, and leaves nothing behind.

Exit code 0 means that each step really happened.

Options:
  --keep    Leave the kubelet and the plugin running, show where, and wait for Ctrl-C.
  --help    Show this text.
`,
  async run(argv, terminal) {
    const unknown = argv.filter((argument) => argument !== "--keep");
    if (unknown.length > 0) return unexpectedArguments(unknown, "demo", terminal);
    const timeline = new Timeline(terminal, isatty(1));
    const stage = new Stage(timeline);
    const interrupted = interruption(() => stage.plugin?.kill("SIGKILL"));
    try {
      timeline.title(
        "Video Device Plugin: an embedded kubelet, eight simulated cameras, the real plugin",
      );
      for (const act of story) {
        await act(stage);
        await systemClock.sleep(pauseMs, interrupted);
        if (interrupted.aborted) return 128 + 2;
      }
      if (argv.includes("--keep")) await keep(stage, interrupted);
      await acts.cleanStop(stage);
      timeline.title(`Every step happened, in ${timeline.seconds.toFixed(1)} s.`);
      return exitCode.ok;
    } catch (error) {
      if (!(error instanceof DemoFailure)) throw error;
      timeline.failed(error.message);
      timeline.note(`The plugin's last words:\n${stage.plugin?.lastLines.join("\n") ?? "none"}`);
      return exitCode.failure;
    } finally {
      await stage.clear();
    }
  },
};

async function keep(stage: Stage, interrupted: AbortSignal): Promise<void> {
  const { timeline, paths, kubelet, faultsDir } = stage;
  timeline.act("Still running: try things, Ctrl-C ends it");
  timeline.note(
    [
      `kubelet         ${paths.kubeletSocket}`,
      `pod-resources   ${kubelet.podResourcesSocket}`,
      `plugin          ${paths.socketPath.replace(".sock", "-*.sock")}`,
      `devices         ${paths.simulatedDir}`,
      `in a browser    http://127.0.0.1:${paths.metricsPort}/ (for Prometheus: /metrics)`,
      "",
      `ask the plugin  ${thisProgram().join(" ")} status --admin-socket ${paths.adminSocket}`,
      `make one sick   echo "the lens cap is on" > ${faultsDir}/video12.sick`,
      `heal it         rm ${faultsDir}/video12.sick`,
      `delete one      rm ${paths.simulatedDir}/video13`,
      `stream          echo "YUYV 640x480 30 fps" > ${faultsDir}/video10.streaming`,
    ].join("\n"),
  );
  const stop = kubelet.events.listen((event) => {
    if (event.type === "list_received") {
      timeline.done(`the kubelet was told: ${event.healthy} of ${event.total} healthy`);
      stage.drawDevices();
    }
  });
  await aborted(interrupted);
  stop();
}

/**
 * Aborts on the first Ctrl-C, so that what was started is cleared away in order. A second one ends at once, but
 * not without `onSecond`: the plugin is a process of its own and would outlive the demo.
 */
function interruption(onSecond: () => void): AbortSignal {
  const interrupt = new AbortController();
  const onSignal = () => {
    if (interrupt.signal.aborted) {
      onSecond();
      process.exit(128 + 2);
    }
    interrupt.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return interrupt.signal;
}
