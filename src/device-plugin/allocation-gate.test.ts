import { describe, expect, test } from "bun:test";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import type { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { AllocationGate } from "./allocation-gate.ts";

const calls = ["getPreferredAllocation", "allocate", "preStartContainer"] as const;

/** A gate before a service whose methods return at once, with a clock that the test moves. */
function gated() {
  const passed: string[] = [];
  const refused: string[] = [];
  const timeouts: (() => void)[] = [];
  const log = recordingLogger();
  const gate = new AllocationGate({
    holdMs: 5000,
    log,
    observer: { allocationRefused: (code) => refused.push(code) },
    clock: {
      now: () => 0,
      sleep: (_ms, signal) =>
        new Promise((resolve) => {
          timeouts.push(resolve);
          signal?.addEventListener("abort", () => resolve());
        }),
    },
  });
  const methods = calls.map((name) => [name, () => passed.push(name)]);
  const service = gate.gated(Object.fromEntries(methods) as ServiceImpl<typeof DevicePlugin>);
  const call = (name: (typeof calls)[number]) =>
    (service[name] as (...args: unknown[]) => unknown)({}, {});
  return { gate, passed, refused, timeouts, log, call };
}

describe.each(calls)("%s", (name) => {
  test("passes an open gate in the same tick", () => {
    const { call, passed } = gated();
    call(name);
    expect(passed).toEqual([name]);
  });

  test("waits at a closed gate until that opens", async () => {
    const { gate, call, passed } = gated();
    gate.close();
    const answer = call(name);
    await Bun.sleep(0);
    expect(passed).toEqual([]);
    gate.open();
    await answer;
    expect(passed).toEqual([name]);
  });

  test("is refused if the gate stays closed: the log and the metrics have it", async () => {
    const { gate, call, passed, refused, timeouts, log } = gated();
    gate.close();
    const answer = Promise.resolve(call(name)).catch(ConnectError.from);
    for (const end of timeouts) end();
    expect(await answer).toMatchObject({ code: Code.Unavailable });
    expect(passed).toEqual([]);
    expect(refused).toEqual(["unavailable"]);
    expect(log.lines.map(({ level, msg, fields }) => [level, msg, fields["reason"]])).toEqual([
      ["warn", "Allocation refused", "standby"],
    ]);
  });
});

test("a gate that was closed again holds the calls that come then", async () => {
  const { gate, call, passed } = gated();
  gate.close();
  gate.open();
  gate.close();
  const answer = call("allocate");
  await Bun.sleep(0);
  expect(passed).toEqual([]);
  gate.open();
  await answer;
});
