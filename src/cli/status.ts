import { systemClock } from "../common/clock.ts";
import type { FlagSpec } from "../config/argv.ts";
import type { Status } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { statusJson } from "../observe/status-json.ts";
import { summarise } from "../observe/summary.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { followStatus } from "./operate/follow-status.ts";
import { type Operation, operate, wholeNumber, wrongValue } from "./operate/operation.ts";
import { renderStatus } from "./operate/render-status.ts";
import { drawStatuses, printStatuses } from "./operate/watch-status.ts";
import { interruption } from "./tools/interruption.ts";

const eventsFlag: FlagSpec = {
  flag: "events",
  isSwitch: false,
  expected: "a whole number from 0 to 1000",
  description: "How many of the last events to show",
};
const flags: readonly FlagSpec[] = [
  { flag: "watch", isSwitch: true, expected: "nothing", description: "Go on until Ctrl-C" },
  { flag: "json", isSwitch: true, expected: "nothing", description: "For programs" },
  eventsFlag,
];

const DEFAULT_EVENTS = 5;

export const statusCommand: Command = {
  syntax: { flags, options: ["adminSocket"] },
  help: () => `Usage: ${PROGRAM} status [--watch] [--json] [--events N]

Shows what the plugin that runs on this node knows: whether the kubelet listens to it, and of each device
whether it is offered as healthy and since when, who has it, what is streamed through it, and how often this
process has reset it. Below, what happened last.

Exit code 0 means that all is well; 1 that the kubelet doesn't listen or doesn't tell who has what, or that a device is
unhealthy which nobody has cordoned; 2 that no plugin answers. With --watch it is 0 once Ctrl-C has ended it, and 2
if no plugin answers at the start; one that goes away later is waited for.

Options:
  --watch               Show it anew at each change: in place on a terminal, else one below the other.
  --json                The Status message of the admin API as JSON; with --watch, one on each line.
  --events N            How many of the last events to show, from 0 to 1000 (default ${DEFAULT_EVENTS}); JSON has all.
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Examples:
  ${PROGRAM} status --watch
  ${PROGRAM} status --json | jq -r '.devices[] | select(.healthy | not) | .id'
  kubectl -n kube-system exec ds/video-device-plugin -- ${PROGRAM} status
`,

  run: (argv, terminal) =>
    operate("status", { positionals: [], flags, options: ["adminSocket"] }, argv, terminal, show),
};

async function show(operation: Operation): Promise<number> {
  const { client, flags, terminal, colour } = operation;
  const given = flags.get("events");
  const events = given === undefined ? DEFAULT_EVENTS : wholeNumber(given, 0, 1000);
  if (events === undefined) return wrongValue("status", eventsFlag, given ?? "", terminal);
  const json = flags.get("json") === "true";
  if (flags.get("watch") === "true") return watch(operation, { json, events });

  const status = await statusOf(client);
  const width = terminal.screen?.columns() ?? Number.POSITIVE_INFINITY;
  const view = { now: Date.now(), width, colour, events };
  terminal.out(json ? statusJson(status) : `${renderStatus(status, view).join("\n")}\n`);
  return summarise(status).level === "good" ? exitCode.ok : exitCode.failure;
}

async function watch(
  { client, config, terminal, colour }: Operation,
  { json, events }: { json: boolean; events: number },
): Promise<number> {
  const clock = systemClock;
  const signal = interruption();
  const seen = followStatus(client, config.adminSocket, clock, signal);
  if (terminal.screen === undefined || json) {
    await printStatuses(seen, terminal, { json, events, now: Date.now });
  } else {
    await drawStatuses(seen, terminal, terminal.screen, {
      clock,
      now: Date.now,
      signal,
      colour,
      events,
    });
  }
  return exitCode.ok;
}

async function statusOf(client: Operation["client"]): Promise<Status> {
  const { status } = await client.getStatus({});
  if (status === undefined) throw new Error("The plugin answered without a status.");
  return status;
}
