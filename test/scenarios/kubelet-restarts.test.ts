import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually, Scenario } from "./harness.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const nodes = () =>
  readdirSync(scenario.simulatedDir)
    .filter((name) => name.startsWith("video"))
    .map((name) => `${name} ${statSync(join(scenario.simulatedDir, name)).ino}`);

describe("a kubelet's restart", () => {
  for (const version of ["1.26", "1.32", "1.33", "1.36", "1.37"] as const) {
    test(`ends with a new registration on a new socket: ${version}`, async () => {
      scenario = new Scenario(version);
      await scenario.registered();
      const before = scenario.sockets();
      await scenario.kubelet.restart();
      await scenario.counts(8, 8);
      expect(scenario.sockets()).not.toEqual(before);
      expect(scenario.sockets()).toHaveLength(1);
      expect(scenario.count("registered")).toBe(2);
    });
  }

  test("while Register is under way ends with a registration", async () => {
    scenario = new Scenario();
    scenario.kubelet.faults.holdRegister = true;
    await scenario.kubelet.start();
    scenario.startPlugin();
    await eventually(() => scenario.count("register_received") === 1, "the call");
    scenario.kubelet.stop();
    scenario.kubelet.faults.holdRegister = false;
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
  });

  test("ten times in a row ends registered once", async () => {
    scenario = new Scenario();
    const { plugin } = await scenario.registered();
    for (let n = 0; n < 10; n++) {
      await scenario.kubelet.restart();
      await Bun.sleep(n * 7);
    }
    await scenario.counts(8, 8);
    await Bun.sleep(300);
    await eventually(() => plugin.status().registered, "the last registration");
    await scenario.counts(8, 8);
    expect(plugin.status()).toMatchObject({ registered: true, streams: 1 });
    expect(scenario.sockets()).toHaveLength(1);
  });

  test("leaves the devices of running pods alone", async () => {
    scenario = new Scenario();
    await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 2 }] });
    const before = { nodes: nodes(), pod: scenario.kubelet.pod("a")?.containers };
    await scenario.kubelet.restart();
    await scenario.counts(8, 8);
    expect({ nodes: nodes(), pod: scenario.kubelet.pod("a")?.containers }).toEqual(before);
    expect(scenario.count("allocated")).toBe(1);
  });

  test("after a long absence restores the capacity", async () => {
    const clock = new ManualClock();
    scenario = new Scenario("1.33", { clock });
    const { plugin } = await scenario.registered();
    scenario.kubelet.stop();
    await eventually(() => !plugin.status().registered, "the loss to be noticed");
    await clock.advance(6 * 60_000);
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
  });

  test("that empties its directory removes nothing that the plugin does not create again", async () => {
    scenario = new Scenario("1.30");
    await scenario.registered();
    writeFileSync(join(scenario.dir, "notes.txt"), "");
    await scenario.kubelet.restart();
    await scenario.counts(8, 8);
    expect(readdirSync(scenario.dir).sort()).toEqual(
      ["kubelet.sock", "kubelet_internal_checkpoint", ...scenario.sockets()].sort(),
    );
  });

  test("with the whole node: a pod admitted before the plugin registers fails, the next one runs", async () => {
    scenario = new Scenario();
    const { stop } = await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    await stop();
    await scenario.kubelet.reboot();
    await eventually(() => scenario.kubelet.pod("a")?.phase === "Failed", "the refusal");
    expect(scenario.kubelet.pod("a")?.reason).toBe("UnexpectedAdmissionError");
    scenario.kubelet.removePod("a");
    scenario.startPlugin();
    await scenario.counts(8, 8);
    const again = await scenario.kubelet.addPod({
      name: "b",
      containers: [{ name: "c", devices: 1 }],
    });
    expect(again.phase).toBe("Running");
  });

  test("with the whole node: a pod admitted after the registration keeps its device without a new Allocate", async () => {
    scenario = new Scenario();
    await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    const before = scenario.kubelet.allocations();
    await scenario.kubelet.reboot({ podsAfter: () => scenario.counts(8, 8) });
    await eventually(
      () => scenario.kubelet.pod("a")?.containers[0]?.state === "running",
      "the pod",
    );
    expect(scenario.kubelet.allocations()).toEqual(before);
    expect(scenario.count("allocated")).toBe(1);
  });
});
