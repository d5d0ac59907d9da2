import { describe, expect, test } from "bun:test";
import { Registry } from "prom-client";
import { type CgroupMemory, cgroupMemory } from "./cgroup-memory.ts";
import { memoryMetrics } from "./process-metrics.ts";

const from = (files: Record<string, string>) => cgroupMemory((path) => files[path]);
const MiB = 1024 * 1024;

/** A group of version 2 with 60 MiB, 20 of them droppable. */
const second = (group: string, max: string) => ({
  [`${group}/memory.current`]: String(60 * MiB),
  [`${group}/memory.max`]: max,
  [`${group}/memory.stat`]: `anon 1\nactive_file 7\ninactive_file ${20 * MiB}\n`,
});
const first = (group: string, limit: string) => ({
  [`${group}/memory.usage_in_bytes`]: String(60 * MiB),
  [`${group}/memory.limit_in_bytes`]: limit,
  [`${group}/memory.stat`]: `inactive_file 5\ntotal_inactive_file ${20 * MiB}\n`,
});
const expected = { workingSet: 40 * MiB, limit: 128 * MiB };
const limit = String(128 * MiB);

describe("the memory of the control group", () => {
  test("is that of a container with a namespace of its own", () => {
    expect(from({ "/proc/self/cgroup": "0::/", ...second("/sys/fs/cgroup", limit) })).toEqual(
      expected,
    );
  });

  test("is that of a privileged container, which sees the host's groups", () => {
    const path = "/kubepods.slice/cri-containerd-1.scope";
    expect(
      from({
        "/proc/self/cgroup": `0::${path}`,
        ...second(`/sys/fs/cgroup${path}`, limit),
        ...second("/sys/fs/cgroup", "1"),
      }),
    ).toEqual(expected);
  });

  test("is that of version 1, on the host and in a container", () => {
    const path = "/kubepods/pod1/c1";
    const groups = `5:cpu,cpuacct:/x\n4:memory:${path}\n0::/`;
    expect(
      from({ "/proc/self/cgroup": groups, ...first(`/sys/fs/cgroup/memory${path}`, limit) }),
    ).toEqual(expected);
    expect(from({ "/proc/self/cgroup": groups, ...first("/sys/fs/cgroup/memory", limit) })).toEqual(
      expected,
    );
  });

  test("has no limit where none is set", () => {
    const none = { workingSet: 40 * MiB, limit: undefined };
    expect(from({ "/proc/self/cgroup": "0::/", ...second("/sys/fs/cgroup", "max") })).toEqual(none);
    const groups = "4:memory:/\n0::/";
    expect(
      from({
        "/proc/self/cgroup": groups,
        ...first("/sys/fs/cgroup/memory", "9223372036854771712"),
      }),
    ).toEqual(none);
  });

  test("is unknown in the root group, and without control groups", () => {
    expect(from({ "/proc/self/cgroup": "0::/" })).toBeUndefined();
    expect(from({})).toBeUndefined();
  });
});

test("the metrics of memory are absent while it is unknown, and so is a limit that isn't set", async () => {
  const samples = async (memory: CgroupMemory | undefined) => {
    const registry = new Registry();
    memoryMetrics(registry, () => memory);
    return (await registry.metrics()).split("\n").filter((line) => /^video/.test(line));
  };
  expect(await samples({ workingSet: 4096, limit: 8192 })).toEqual([
    "video_device_plugin_memory_working_set_bytes 4096",
    "video_device_plugin_memory_limit_bytes 8192",
  ]);
  expect(await samples({ workingSet: 4096, limit: undefined })).toEqual([
    "video_device_plugin_memory_working_set_bytes 4096",
  ]);
  expect(await samples(undefined)).toEqual([]);
});
