import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../../test/support/code-of.ts";
import { FakeDriver, observation } from "../../../test/support/fake-driver.ts";
import { makeDevices } from "../../../test/support/make-devices.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { CordonStore } from "./cordon-store.ts";
import { cordonFile } from "./cordons.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A process with its inventory, whose devices are all healthy. */
function start(stateDir = join(directory, "state")) {
  const driver = new FakeDriver(4);
  const wall = { now: () => 1_790_000_000_000 };
  const { inventory } = makeDevices({ driver, clock: new ManualClock() });
  const log = recordingLogger();
  const file = cordonFile(stateDir);
  const cordons = new CordonStore({ inventory, file, wall, log });
  cordons.load();
  inventory.observe(driver.devices.map(({ id }) => observation(id, "ok")));
  const reasons = () => inventory.list().map(({ reason }) => reason);
  return { cordons, inventory, log, file, reasons };
}

describe("cordons", () => {
  test("hold a device out of the offer, over a restart, until it is uncordoned", async () => {
    const first = start();
    await first.cordons.cordon("video11", "the lens is dirty");
    expect(first.reasons()).toEqual(["ok", "cordoned", "ok", "ok"]);
    expect(first.cordons.cordons.get("video11")?.note).toBe("the lens is dirty");
    const second = start();
    expect(second.reasons()).toEqual(["ok", "cordoned", "ok", "ok"]);
    await second.cordons.uncordon("video11");
    expect(second.reasons()).toEqual(["ok", "ok", "ok", "ok"]);
    expect(start().cordons.cordons.size).toBe(0);
  });

  test("write no file while no device is cordoned", async () => {
    const { cordons } = start();
    await cordons.uncordon("video10");
    expect(existsSync(join(directory, "state"))).toBe(false);
  });

  test("are in a file of root's alone, and no draft stays", async () => {
    const { cordons, file } = start();
    await cordons.cordon("video10", "");
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "state")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(directory, "state"))).toEqual(["cordoned.json"]);
  });

  test("of several operators at once are all saved", async () => {
    const { cordons, inventory } = start();
    const ids = inventory.list().map(({ id }) => id);
    await Promise.all([
      ...ids.map((id) => cordons.cordon(id, "at once")),
      cordons.uncordon("video12"),
    ]);
    const wanted = ["video10", "video11", "video13"];
    expect([...cordons.cordons.keys()]).toEqual(wanted);
    expect([...start().cordons.cordons.keys()]).toEqual(wanted);
  });

  test("of devices that aren't this node's stay in the file", async () => {
    const first = start();
    mkdirSync(join(directory, "state"));
    writeFileSync(
      first.file.path,
      '{"version":1,"cordons":[{"device":"video99","note":"n","since":"2026-01-01T00:00:00Z"}]}',
    );
    const second = start();
    await second.cordons.cordon("video10", "");
    await second.cordons.uncordon("video10");
    expect([...start().cordons.cordons.keys()]).toEqual(["video99"]);
    expect(await codeOf(second.cordons.cordon("video99", ""))).toBe("device_unknown");
  });

  test("that can't be saved don't count", async () => {
    writeFileSync(join(directory, "state"), "a file where the directory would be");
    const { cordons, log, reasons } = start();
    expect(await codeOf(cordons.cordon("video10", ""))).toBe("cordon_not_kept");
    expect(reasons()).toEqual(["ok", "ok", "ok", "ok"]);
    expect(cordons.cordons.size).toBe(0);
    const logged = log.lines.find(({ msg }) => msg === "Cordons could not be saved");
    expect(logged?.fields["remedy"]).toContain("STATE_DIR");
  });

  test("whose removal can't be saved stay", async () => {
    const { cordons, reasons, file } = start();
    await cordons.cordon("video10", "");
    rmSync(file.path);
    mkdirSync(join(file.path, "in-the-way"), { recursive: true });
    expect(await codeOf(cordons.uncordon("video10"))).toBe("cordon_not_kept");
    expect(reasons()[0]).toBe("cordoned");
    expect(readdirSync(join(directory, "state"))).toEqual(["cordoned.json"]);
  });

  for (const [what, make] of [
    ["garbage", (path: string) => writeFileSync(path, "{]")],
    ["cut off", (path: string) => writeFileSync(path, '{"version":1,"cord')],
    ["huge", (path: string) => writeFileSync(path, " ".repeat(2 * 1024 * 1024))],
    ["a directory", (path: string) => mkdirSync(path)],
    ["a FIFO", (path: string) => Bun.spawnSync(["mkfifo", path])],
  ] as const) {
    test(`in a file that is ${what} are none, and the file is moved aside`, async () => {
      const path = join(directory, "state", "cordoned.json");
      mkdirSync(join(directory, "state"));
      make(path);
      const { cordons, log, reasons } = start();
      expect(reasons()).toEqual(["ok", "ok", "ok", "ok"]);
      expect(log.lines.map(({ level, msg }) => [level, msg])).toEqual([
        ["warn", "Cordons could not be read"],
      ]);
      expect(existsSync(`${path}.bad`)).toBe(true);
      await cordons.cordon("video10", "");
      expect(readFileSync(path, "utf8")).toContain("video10");
    });
  }

  test("in a file that can't be read stay there, and known ones still count", async () => {
    const { cordons, file, log, reasons } = start();
    await cordons.cordon("video11", "");
    rmSync(file.path);
    // Reading at the address 0 of one's own memory is an input/output error.
    symlinkSync("/proc/self/mem", file.path);
    log.lines.length = 0;
    await cordons.reload();
    expect(reasons()).toEqual(["ok", "cordoned", "ok", "ok"]);
    const next = start();
    expect(next.reasons()).toEqual(["ok", "ok", "ok", "ok"]);
    for (const { lines } of [log, next.log]) {
      expect(lines.map(({ fields }) => fields["error_code"])).toEqual(["cordons_unreadable"]);
    }
    expect(readdirSync(join(directory, "state"))).toEqual(["cordoned.json"]);
  });

  test("that another instance has damaged are logged, and written again", async () => {
    const { cordons, file, log, reasons } = start();
    await cordons.cordon("video11", "the lens is dirty");
    writeFileSync(file.path, "{]");
    log.lines.length = 0;
    await cordons.reload();
    expect(reasons()).toEqual(["ok", "cordoned", "ok", "ok"]);
    expect(log.lines.map(({ level, msg }) => [level, msg])).toEqual([
      ["warn", "Cordons could not be read"],
    ]);
    expect(readFileSync(`${file.path}.bad`, "utf8")).toBe("{]");
    expect(start().cordons.cordons.get("video11")?.note).toBe("the lens is dirty");
  });

  test("that another instance has damaged, and that can't be written again, still count", async () => {
    const { cordons, file, reasons, log } = start();
    await cordons.cordon("video11", "");
    file.save = () => Promise.reject(new PluginError("cordon_not_kept", "the disk is full"));
    writeFileSync(file.path, "{]");
    log.lines.length = 0;
    await cordons.reload();
    expect(reasons()).toEqual(["ok", "cordoned", "ok", "ok"]);
    expect(log.lines.map(({ msg }) => msg)).toEqual([
      "Cordons could not be read",
      "Cordons could not be saved",
    ]);
  });

  test("that can't be read or written for long are warned of once, and again after they could", async () => {
    const { cordons, file, log } = start();
    await cordons.cordon("video11", "");
    const warned = async () => {
      log.lines.length = 0;
      for (let n = 0; n < 3; n++) await cordons.reload();
      return log.lines.flatMap(({ level, msg }) => (level === "warn" ? [msg] : []));
    };
    for (let round = 0; round < 2; round++) {
      rmSync(file.path);
      symlinkSync("/proc/self/mem", file.path);
      expect(await warned()).toEqual(["Cordons could not be read"]);
      rmSync(file.path);
      await cordons.reload();
      expect(await warned()).toEqual([]);
    }
    rmSync(file.path);
    file.save = () => Promise.reject(new PluginError("cordon_not_kept", "the disk is full"));
    expect(await warned()).toEqual(["Cordon file was deleted", "Cordons could not be saved"]);
  });

  test("whose file was deleted still count, and are written again", async () => {
    const { cordons, file, log, reasons } = start();
    await cordons.cordon("video11", "the lens is dirty");
    rmSync(file.path);
    log.lines.length = 0;
    await cordons.reload();
    expect(reasons()).toEqual(["ok", "cordoned", "ok", "ok"]);
    expect(log.lines.map(({ level, msg }) => [level, msg])).toEqual([
      ["warn", "Cordon file was deleted"],
    ]);
    expect(start().cordons.cordons.get("video11")?.note).toBe("the lens is dirty");
  });

  test("have the wall clock's time", async () => {
    const { cordons } = start();
    await cordons.cordon("video11", "");
    expect(cordons.cordons.get("video11")?.since).toBe(1_790_000_000_000);
  });

  test("end at once when a device is uncordoned, whatever the driver is at", async () => {
    const { cordons, reasons } = start();
    await cordons.cordon("video11", "");
    await cordons.uncordon("video11");
    expect(reasons()).toEqual(["ok", "ok", "ok", "ok"]);
  });

  test("have short notes", async () => {
    const { cordons } = start();
    expect(await codeOf(cordons.cordon("video10", "é".repeat(200)))).toBeUndefined();
    expect(await codeOf(cordons.cordon("video10", "x".repeat(201)))).toBe("note_too_long");
  });

  test("that are repeated are no event, unless the note changes", async () => {
    const { cordons, log } = start();
    await cordons.cordon("video10", "a");
    await cordons.cordon("video10", "a");
    await cordons.cordon("video10", "b");
    expect(await cordons.uncordon("video10")).toBe(true);
    expect(await cordons.uncordon("video10")).toBe(false);
    expect(log.lines.map(({ msg }) => msg)).toEqual([
      "Device cordoned",
      "Device cordoned",
      "Device uncordoned",
    ]);
  });
});
