import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Plugin } from "../../src/plugin/plugin.ts";
import { adminClient, askSocket, statusOf } from "../support/admin-client.ts";
import { eventually, Scenario } from "./harness.ts";

let scenario: Scenario;
let client: ReturnType<typeof adminClient>;
beforeEach(() => {
  scenario = new Scenario();
  client = adminClient(scenario.adminSocket);
});
afterEach(() => scenario.close());

const ask = (path: string, init?: RequestInit) => askSocket(scenario.adminSocket, path, init);
const status = () => statusOf(client);
const served = () => eventually(() => existsSync(scenario.adminSocket), "the admin socket");
const looked = (plugin: Plugin) =>
  eventually(
    () => plugin.inventory.list().every(({ reason }) => reason !== "unknown"),
    "a first look",
  );

/** The remedy on a node that never had a kubelet. */
const whatToDo = () =>
  `There is no directory ${scenario.dir}. Mount the host's ${scenario.dir} into the container, at the same path.`;

describe("probes on the admin socket", () => {
  test("distinguish liveness from readiness", async () => {
    const { plugin } = scenario.startPlugin();
    await served();
    expect((await ask("/healthz")).status).toBe(200);
    await looked(plugin);
    const waiting = await ask("/readyz");
    expect([waiting.status, await waiting.json()]).toEqual([
      503,
      {
        ready: false,
        missing: [{ check: "registered", reason: "kubelet_absent", detail: whatToDo() }],
      },
    ]);
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    const ready = await ask("/readyz");
    expect([ready.status, await ready.text()]).toEqual([200, "ok: registered, devices\n"]);
    expect(await (await ask("/healthz?verbose")).text()).toBe(
      "[+]ping ok\n[+]event-loop ok\n[+]monitor ok\n[+]actors ok\nhealthz check passed\n",
    );
    const head = await ask("/healthz", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("name the failing check if all are requested", async () => {
    const { plugin } = scenario.startPlugin();
    await served();
    await looked(plugin);
    expect(await (await ask("/readyz?verbose")).text()).toBe(
      `[+]ping ok\n[-]registered failed: kubelet_absent: ${whatToDo()}\n[+]devices ok\nreadyz check failed\n`,
    );
    expect((await status()).kubelet?.detail).toBe(whatToDo());
  });

  test("a plugin without a healthy device is live and not ready, and reports the reason", async () => {
    rmSync(scenario.simulatedDir, { recursive: true, force: true });
    writeFileSync(scenario.simulatedDir, "in the way");
    await scenario.kubelet.start();
    const { plugin } = scenario.startPlugin();
    await scenario.counts(8, 0);
    const answer = await ask("/readyz?verbose");
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringMatching(
        /^\[\+\]ping ok\n\[\+\]registered ok\n\[-\]devices failed: none works: The directory .* can't be created: .* Name a directory .*\nreadyz check failed\n$/,
      ),
    ]);
    expect((await ask("/healthz")).status).toBe(200);
    rmSync(scenario.simulatedDir);
    plugin.reinspect();
    await scenario.counts(8, 8);
    expect((await ask("/readyz")).status).toBe(200);
  });
});

describe("the admin socket", () => {
  test("of a dead instance is replaced", async () => {
    mkdirSync(dirname(scenario.adminSocket));
    const dead = Bun.spawnSync([
      process.execPath,
      "-e",
      `require("node:net").createServer().listen(${JSON.stringify(scenario.adminSocket)}, () => process.kill(process.pid, "SIGKILL"))`,
    ]);
    expect([dead.signalCode, existsSync(scenario.adminSocket)]).toEqual(["SIGKILL", true]);
    await scenario.registered();
    expect((await status()).nodeName).toBe("node-a");
  });

  test("of a live instance stays, and is taken over with its cordons when that instance ends", async () => {
    const old = await scenario.registered();
    const next = scenario.startPlugin({ "node-name": "node-b" });
    await eventually(
      () => next.log.lines.some(({ fields }) => fields["error_code"] === "admin_socket_in_use"),
      "the warning",
    );
    await client.cordonDevice({ deviceId: "video10", note: "by the old one" });
    expect((await status()).nodeName).toBe("node-a");
    await old.stop();
    await eventually(
      () => next.log.lines.some(({ msg }) => msg === "Serving the admin API"),
      "the takeover",
    );
    const now = await status();
    expect(now.nodeName).toBe("node-b");
    expect(now.devices[0]?.cordon?.note).toBe("by the old one");
    await scenario.counts(8, 7);
  });

  test("that can't be created delays no pod, and is created as soon as possible", async () => {
    writeFileSync(dirname(scenario.adminSocket), "in the way");
    const { log } = await scenario.registered();
    const complaints = () => log.lines.filter(({ msg }) => msg === "Serving the admin API failed");
    await eventually(() => complaints().length > 0, "a complaint");
    const logged = complaints();
    expect(logged.map(({ level }) => level)).toContain("warn");
    expect(logged[0]?.fields["remedy"]).toContain("ADMIN_SOCKET");
    rmSync(dirname(scenario.adminSocket));
    await served();
    expect((await status()).kubelet?.registered).toBe(true);
  });

  test("that is removed is created again", async () => {
    const { log } = await scenario.registered();
    unlinkSync(scenario.adminSocket);
    await served();
    expect(log.lines.some(({ msg }) => msg === "Admin socket removed")).toBe(true);
  });
});
