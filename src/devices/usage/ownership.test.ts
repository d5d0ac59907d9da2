import { expect, test } from "bun:test";
import { FakeDriver } from "../../../test/support/fake-driver.ts";
import { FakeUsageSource } from "../../../test/support/make-devices.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { silentLogger } from "../../common/logger.ts";
import { defaultUsageTimes, UsageTracker } from "./usage-tracker.ts";

function setUp() {
  const clock = new ManualClock();
  const source = new FakeUsageSource(clock);
  const { devices } = new FakeDriver(2);
  const times = defaultUsageTimes;
  const usage = new UsageTracker({ devices, source, clock, log: silentLogger, times });
  const start = clock.now();
  const listing = async (...ids: string[]) => {
    source.listed = new Set(ids);
    await usage.ask(new AbortController().signal);
  };
  /** The ownership of video10, its start in seconds since that of the test. */
  const owned = () => {
    const known = usage.ownership("video10");
    return known && { seconds: (known.since - start) / 1000, exact: known.exact };
  };
  return { clock, source, usage, listing, owned };
}

test("a pod has owned a device since its allocation, once the kubelet lists it", async () => {
  const { clock, usage, listing, owned } = setUp();
  await clock.advance(5000);
  usage.allocated(["video10"]);
  expect(owned()).toBeUndefined();
  await clock.advance(1000);
  await listing("video10");
  expect(owned()).toEqual({ seconds: 5, exact: true });
  await clock.advance(10_000);
  await listing("video10");
  expect(owned()).toEqual({ seconds: 5, exact: true });
  await listing();
  expect(owned()).toBeUndefined();
});

test("a pod that got its device before this process has owned it for longer than that is known", async () => {
  const { clock, listing, owned } = setUp();
  await clock.advance(3000);
  await listing("video10");
  await clock.advance(60_000);
  await listing("video10");
  expect(owned()).toEqual({ seconds: 3, exact: false });
});

test("the next pod of a device is not taken for the one before, though the kubelet listed both in a row", async () => {
  const { clock, usage, listing, owned } = setUp();
  await listing("video10");
  await clock.advance(7000);
  usage.allocated(["video10"]);
  await clock.advance(1000);
  await listing("video10");
  expect(owned()).toEqual({ seconds: 7, exact: true });
});

test("a kubelet that has just restarted and lists no pods yet ends no ownership", async () => {
  const { clock, usage, listing, owned } = setUp();
  await listing("video10");
  usage.kubeletRestarted();
  await clock.advance(30_000);
  await listing();
  expect(owned()).toEqual({ seconds: 0, exact: false });
  await clock.advance(31_000);
  await listing();
  expect(owned()).toBeUndefined();
});

test("a pod of another resource name has owned a device since some unknown time, whatever was allocated before", async () => {
  const { clock, source, usage, listing, owned } = setUp();
  usage.allocated(["video10"]);
  await clock.advance(4000);
  source.others = new Map([["video10", "example.com/old"]]);
  await listing();
  expect(owned()).toEqual({ seconds: 4, exact: false });
});

test("an allocation that the kubelet has not listed keeps its age over a hand-over", async () => {
  const { clock, usage, listing } = setUp();
  usage.allocated(["video10", "video11"]);
  await clock.advance(300);
  await listing("video11");
  const known = usage.known();
  expect(known).toEqual({ clean: [], unlisted: new Map([["video10", 300]]) });
  const next = setUp();
  await next.clock.advance(70_000);
  next.usage.handedOver({ ...known, unlisted: new Map([...known.unlisted, ["video99", 1]]) });
  const { allocatedAt = 0, listedSince } = next.usage.facts("video10");
  expect(next.clock.now() - allocatedAt).toBe(300);
  expect(listedSince).toBe(false);
  expect(next.usage.facts("video11").allocatedAt).toBeUndefined();
});
