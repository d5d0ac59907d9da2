import { deepEqual, equal } from "node:assert/strict";
import type { Stage } from "../../kernel/driver/stage.ts";
import { query } from "../../kernel/stories/cameras.ts";
import { type Row, row } from "../measure.ts";

/** The default of HEALTH_CHECK_INTERVAL, seconds. */
const intervalSeconds = 30;

/** From a kernel that hasn't loaded the module to devices that were inspected and are correct. */
export async function creation(stage: Stage, count: number, rounds: number): Promise<Row[]> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    stage.clear();
    const driver = stage.driver({ maxDevices: count });
    const started = performance.now();
    const report = await driver.ensure();
    samples.push(performance.now() - started);
    deepEqual([report.created.length, report.failed], [count, []]);
  }
  equal(query().length, count);
  return [row(`${count} devices created, module loaded`, "ms", samples)];
}

/** One device of eight is made like new. */
export async function reset(stage: Stage, rounds: number): Promise<Row[]> {
  stage.clear();
  const driver = stage.driver({ maxDevices: 8 });
  await driver.ensure();
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    await driver.reset(`video${10 + (round % 8)}`);
    samples.push(performance.now() - started);
  }
  return [row("one device reset", "ms", samples)];
}

/** All devices are inspected; CPU time is this process's, as `getrusage` has it. */
export async function inspection(stage: Stage, count: number, rounds: number): Promise<Row[]> {
  stage.clear();
  const driver = stage.driver({ maxDevices: count });
  await driver.ensure();
  for (let warmUp = 0; warmUp < 3; warmUp++) await driver.inspect();
  const times: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    const started = performance.now();
    const seen = await driver.inspect();
    times.push(performance.now() - started);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1000);
    equal(seen.filter(({ state }) => state === "ok").length, count);
  }
  const perSecond = cpu.map((ms) => ms / intervalSeconds);
  return [
    row(`${count} devices inspected`, "ms", times),
    row(`  CPU, every ${intervalSeconds} s`, "ms/s", perSecond),
  ];
}
