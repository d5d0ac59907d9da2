/**
 * The relay's Worker: an entry point of its own, which `deploy/build.ts` puts into the executable beside `main.ts`.
 * It opens and closes no file of a device.
 */
import { readSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import { pollCalls } from "../../../linux/poll-calls.ts";
import { RelayCounters } from "./relay-counters.ts";
import { type LoopFiles, RelayLoop } from "./relay-loop.ts";
import type { FromThread, ThreadData, ToThread } from "./relay-messages.ts";

const { settings, counters: memory, wake } = workerData as ThreadData;
const calls = pollCalls();
const counters = new RelayCounters(memory);
const send = (message: FromThread) => parentPort?.postMessage(message);

const files: LoopFiles = {
  poll: calls.poll,
  read(fd, into) {
    try {
      return readSync(fd, into);
    } catch (error) {
      return errnoNameOf(error) === "EAGAIN" ? "none" : "failed";
    }
  },
  write(fd, frame) {
    try {
      return writeSync(fd, frame) === frame.length;
    } catch {
      // The driver finds out why: it inspects the device, and verifies it when it cleans it.
      return false;
    }
  },
};

const loop = new RelayLoop(settings, {
  files,
  counters,
  now: () => performance.now(),
  emit: (event) => send({ kind: "event", event }),
});

parentPort?.on("message", (message: ToThread) => {
  if (message.kind === "add") loop.add(message.pair);
  else if (message.kind === "placeholder") loop.setPlaceholder(message.id, message.placeholder);
  else {
    loop.remove(message.id);
    send({ kind: "removed", number: message.number });
  }
});

let cpuSeconds = 0;
const wakeCount = new Uint8Array(8);

/** The event loop delivers messages between two turns. */
function turn(): void {
  const { woken } = loop.turn(wake);
  if (woken) files.read(wake, wakeCount);
  const used = calls.threadCpuSeconds();
  counters.addCpuSeconds(used - cpuSeconds);
  cpuSeconds = used;
  setImmediate(turn);
}

turn();
