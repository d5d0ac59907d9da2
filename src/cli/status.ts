import { systemClock } from "../common/clock.ts";
import { integer } from "../config/types/number.ts";
import type { Status } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { keptEvents } from "../observe/journal.ts";
import { statusJson } from "../observe/status-json.ts";
import { summarise } from "../observe/summary.ts";
import { switchFlag } from "./arguments.ts";
import { exitCode, program } from "./command.ts";
import type { AdminClient } from "./operate/admin-client.ts";
import { followStatus } from "./operate/follow-status.ts";
import { leaveScreen } from "./operate/full-screen.ts";
import { type Operation, operateCommand } from "./operate/operate-command.ts";
import { renderStatus } from "./operate/render-status.ts";
import { drawStatuses, printStatuses } from "./operate/watch-status.ts";
import { hasColour, interruptSignal } from "./terminal.ts";

const defaultEvents = 5;

const flags = {
  watch: switchFlag(
    "Shows each change until q or Ctrl-C: in place on a terminal, devices with trouble first; else one status below the other.",
  ),
  json: switchFlag(
    "Prints the Status message of the admin API as JSON; with --watch, one on each line.",
  ),
  events: {
    type: integer(0, 1000),
    description: `Number of last events to show (default ${defaultEvents}). The plugin keeps ${keptEvents}, and JSON has all of them.`,
  },
};

export const statusCommand = operateCommand("status", {
  usage: ["status [--watch] [--json] [--events N]"],
  about: `Shows what the running plugin knows: whether the kubelet uses it, the health of each device and since when, the
pod that owns the device and for how long, what is streamed through it, and how often this process has reset it. OWNED
is ">2h5m" if the pod got the device before this process could see that. The last events stand below.`,
  exitCodes: [
    "no problem; with --watch, after q or Ctrl-C",
    "the kubelet doesn't use the plugin or doesn't list the pods' devices, another plugin offers the same devices, or a device is unhealthy and not cordoned",
    "no plugin answers; with --watch, at the start: later, the command waits for the plugin",
  ],
  examples: [
    `${program} status --watch`,
    `${program} status --json | jq -r '.devices[] | select(.healthy | not) | .id'`,
    `kubectl -n kube-system exec ds/video-device-plugin -- ${program} status`,
  ],
  flags,
  async run(operation) {
    const { client, terminal } = operation;
    const { json = false, watch = false, events = defaultEvents } = operation.flags;
    if (watch) return watchStatus(operation, { json, events });
    const status = await statusOf(client);
    const width = terminal.screen?.columns() ?? Number.POSITIVE_INFINITY;
    const view = { now: Date.now(), width, colour: hasColour(terminal), events };
    terminal.out(json ? statusJson(status) : `${renderStatus(status, view).join("\n")}\n`);
    return summarise(status).level === "good" ? exitCode.ok : exitCode.failure;
  },
});

async function watchStatus(
  { client, config, terminal }: Omit<Operation, "flags">,
  { json, events }: { json: boolean; events: number },
): Promise<number> {
  const clock = systemClock;
  const now = Date.now;
  const { screen } = terminal;
  if (screen === undefined || json) {
    const seen = followStatus(client, config.adminSocket, clock, interruptSignal());
    await printStatuses(seen, terminal, { json, events, now });
    return exitCode.ok;
  }
  const interrupted = interruptSignal(() => terminal.out(leaveScreen));
  const quit = new AbortController();
  const silence = terminal.keyboard?.listen((key) => quittingKeys.has(key) && quit.abort());
  try {
    const signal = AbortSignal.any([interrupted, quit.signal]);
    const seen = followStatus(client, config.adminSocket, clock, signal);
    const colour = hasColour(terminal);
    await drawStatuses(seen, terminal, screen, { clock, now, signal, colour, events });
  } finally {
    silence?.();
  }
  return exitCode.ok;
}

/** q, and Ctrl-C, which is no signal while single keys are read. */
const quittingKeys: ReadonlySet<string> = new Set(["q", "Q", "\x03"]);

async function statusOf(client: AdminClient): Promise<Status> {
  const { status } = await client.getStatus({});
  if (status === undefined) throw new Error("The plugin answered without a status.");
  return status;
}
