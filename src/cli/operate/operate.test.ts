import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cli } from "../../../test/support/cli.ts";
import { device, FakeAdmin, statusOf } from "../../../test/support/fake-admin.ts";
import { Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { Journal } from "../../observe/journal.ts";
import { explainUnreachable } from "./unreachable.ts";

let admin: FakeAdmin;
beforeEach(() => {
  admin = new FakeAdmin(statusOf([device(10), device(11, { use: Use.IN_USE }), device(12)]));
  admin.start();
});
afterEach(() => admin.clear());

const run = (...argv: string[]) => cli([...argv, "--admin-socket", admin.socket]);

describe("status", () => {
  test("shows the node and ends with 0 if nothing is wrong", async () => {
    const { code, out, err } = await run("status");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toStartWith("✓ node-a: 3 of 3 devices healthy, 1 in use\n");
    expect(out).toContain("\nvideo11  healthy ");
  });

  test("ends with 1 if a device is unhealthy, and neither cordoned nor retired", async () => {
    admin.status = statusOf([device(10, { healthy: false, reason: "missing" })]);
    expect((await run("status")).code).toBe(1);
    admin.status = statusOf([device(10, { healthy: false, reason: "cordoned", cordon: {} })]);
    expect((await run("status")).code).toBe(0);
    admin.status = statusOf([device(10), device(14, { healthy: false, reason: "retired" })]);
    expect((await run("status")).code).toBe(0);
  });

  test("ends with 1 if the kubelet doesn't list the pods' devices", async () => {
    admin.status = statusOf([device(10)], {
      kubelet: { registered: true, podResourcesAnswers: false },
    });
    expect((await run("status")).code).toBe(1);
  });

  test("ends with 1 if the kubelet doesn't listen", async () => {
    admin.status = statusOf([], { kubelet: { registered: false, reason: "kubelet_absent" } });
    expect((await run("status", "--json")).code).toBe(1);
  });

  test("is the API's message for programs, with what is false and 0 as well", async () => {
    admin.status = statusOf([device(10, { healthy: false, reason: "missing" })]);
    const status = JSON.parse((await run("status", "--json")).out);
    expect(status).toMatchObject({ nodeName: "node-a", kubelet: { registered: true } });
    expect(status.devices[0]).toMatchObject({ id: "video10", healthy: false, resets: 0 });
  });

  test("has no colours unless a screen is there", async () => {
    const screen = { columns: () => 80, rows: () => 24 };
    const argv = ["status", "--admin-socket", admin.socket];
    expect((await cli(argv)).out).not.toContain("\x1b");
    const saved = process.env["NO_COLOR"];
    try {
      delete process.env["NO_COLOR"];
      expect((await cli(argv, screen)).out).toContain("\x1b[32m✓\x1b[39m");
      process.env["NO_COLOR"] = "1";
      expect((await cli(argv, screen)).out).not.toContain("\x1b");
    } finally {
      if (saved === undefined) delete process.env["NO_COLOR"];
      else process.env["NO_COLOR"] = saved;
    }
  });

  test("takes the socket from the environment, and cares for no other variable", async () => {
    process.env["ADMIN_SOCKET"] = admin.socket;
    process.env["MAX_DEVICES"] = "none";
    try {
      expect((await cli(["status"])).code).toBe(0);
    } finally {
      delete process.env["ADMIN_SOCKET"];
      delete process.env["MAX_DEVICES"];
    }
  });
});

test("the help of status says how many events the plugin keeps, and as many are shown", async () => {
  const { out } = await run("status", "--help");
  const [, kept = ""] = /The\s+plugin\s+keeps\s+(\d+)/.exec(out) ?? [];
  const journal = new Journal();
  for (let count = 0; count < 1000; count++) journal.add("info", "Registered");
  expect(Number(kept)).toBe(journal.events().length);
});

describe("reset, repair, cordon and uncordon", () => {
  test.each([
    [["reset", "video10"], ["reset video10"], "video10 was reset.\n"],
    [["reset", "11", "--force"], ["reset video11 force"], "video11 was reset.\n"],
    [["repair", "/dev/video10"], ["repair video10"], "video10 was repaired.\n"],
    [
      ["cordon", "10", "--note", "black frames"],
      ['cordon video10 "black frames"'],
      "video10 is cordoned.\n",
    ],
    [["uncordon", "10", "video10"], ["uncordon video10"], "video10 is no longer cordoned.\n"],
  ])("%j is called, and reported", async (argv, calls, out) => {
    expect(await run(...argv)).toEqual({ code: 0, out, err: "" });
    expect(admin.calls).toEqual(calls);
  });

  test("take the ID of a real device", async () => {
    admin.status = statusOf([device(2, { id: "usb-046d-0825-A" })]);
    expect(await run("cordon", "usb-046d-0825-A")).toEqual({
      ...{ code: 0, out: "usb-046d-0825-A is cordoned.\n", err: "" },
    });
    expect(admin.calls).toEqual(['cordon usb-046d-0825-A ""']);
  });

  test("say so where there was nothing to change", async () => {
    admin.changesNothing = true;
    const { code, out } = await run("repair", "10");
    expect({ code, out }).toEqual({ code: 0, out: "video10 had nothing to repair.\n" });
    expect((await run("uncordon", "10")).out).toBe("video10 was not cordoned.\n");
  });

  test("do each device, and end with 1 if one failed, with what the plugin says about it", async () => {
    expect(await run("reset", "10", "11", "99", "12")).toEqual({
      code: 1,
      out: "video10 was reset.\nvideo12 was reset.\n",
      err: [
        "video11 is in use",
        "Use --force.",
        "video99 is none of this plugin's devices",
        "See which devices there are: video-device-plugin status",
        "",
      ].join("\n"),
    });
  });

  test("say so if the device is unhealthy all the same", async () => {
    admin.status = statusOf([
      device(10, { healthy: false, reason: "missing", detail: "There is no /dev/video10." }),
    ]);
    const { code, out } = await run("reset", "10");
    expect(out).toBe(
      "video10 was reset, but it is unhealthy: missing (There is no /dev/video10.).\n",
    );
    expect(code).toBe(0);
  });

  test("do nothing if a name can't be one of a device", async () => {
    const { code, err } = await run("cordon", "10", "a camera");
    expect({ code, calls: admin.calls }).toEqual({ code: 1, calls: [] });
    expect(err).toContain('"a camera" is no video device');
  });

  test("want a device", async () => {
    for (const command of ["reset", "repair", "cordon", "uncordon"]) {
      expect(await run(command)).toEqual({
        code: 64,
        out: "",
        err: `DEVICE...: is missing\nSee "video-device-plugin ${command} --help".\n`,
      });
    }
  });

  test("take a note of 200 characters, no longer one", async () => {
    expect((await run("cordon", "10", "--note", "🎥".repeat(200))).code).toBe(0);
    expect((await run("cordon", "10", "--note", "x".repeat(201))).code).toBe(64);
    expect(admin.calls).toHaveLength(1);
  });
});

describe("log-level", () => {
  test("is shown", async () => {
    expect(await run("log-level")).toEqual({ code: 0, out: "info\n", err: "" });
  });

  test("is set", async () => {
    const { code, out } = await run("log-level", "DEBUG");
    expect(out).toBe("Logs debug and above until the process ends; it was info.\n");
    expect({ code, calls: admin.calls }).toEqual({ code: 0, calls: ["log-level DEBUG"] });
  });

  test("is one of four", async () => {
    const { code, err } = await run("log-level", "wran");
    expect(err).toContain("expected one of debug, info, warn, error; did you mean warn?");
    expect({ code, calls: admin.calls }).toEqual({ code: 64, calls: [] });
  });
});

describe("probe", () => {
  test("prints nothing while nothing is wrong", async () => {
    expect(await run("probe", "live")).toEqual({ code: 0, out: "", err: "" });
    expect(await run("probe", "ready")).toEqual({ code: 0, out: "", err: "" });
  });

  test("says in a line why not", async () => {
    const checks = "[+]ping ok\n[-]registered failed: kubelet_absent\nreadyz check failed\n";
    admin.health = { status: 503, body: checks };
    const err = "not ready: registered failed: kubelet_absent\n";
    expect(await run("probe", "ready")).toEqual({ code: 1, out: "", err });
    admin.health.body = "stopping\n";
    expect((await run("probe", "live")).err).toBe("not live: stopping\n");
    admin.health.body = "";
    expect((await run("probe", "ready")).err).toBe("not ready: status 503\n");
  });

  test("waits no longer than it may", async () => {
    await admin.stop();
    using _silent = Bun.listen({ unix: admin.socket, socket: { data: () => undefined } });
    const { code, err } = await run("probe", "live", "--timeout=0.2");
    expect(err).toBe(`not live: The plugin at ${admin.socket} has not answered within 0.2 s.\n`);
    expect(code).toBe(2);
  });

  test.each([
    [[]],
    [["dead"]],
    [["live", "ready"]],
    [["live", "--timeout=0"]],
    [["live", "--timeout=1e1"]],
  ])("refuses %j", async (argv) => expect((await run("probe", ...argv)).code).toBe(64));
});

const everyCommand = [
  ["status"],
  ["status", "--watch"],
  ["status", "--watch", "--json"],
  ["reset", "10"],
  ["cordon", "10"],
  ["log-level"],
  ["probe", "ready"],
];

describe("without a plugin", () => {
  test.each(everyCommand)("%s %s %s ends with 2", async (...argv) => {
    await admin.stop();
    const { code, out, err } = await run(...argv.filter((word) => word !== undefined));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(`No plugin answers at ${admin.socket}`);
  });

  test("an absent socket, a dead plugin's and what is no socket are different", async () => {
    await admin.stop();
    expect((await run("status")).err).toContain("there is no such socket");
    writeFileSync(admin.socket, "");
    expect((await run("status")).err).toContain(`${admin.socket} is no socket.\n`);
    const other = new FakeAdmin();
    other.start();
    // the file stays where it is when its server doesn't find it to remove it
    renameSync(other.socket, join(admin.dir, "dead.sock"));
    await other.clear();
    const { code, err } = await cli(["status", "--admin-socket", join(admin.dir, "dead.sock")]);
    expect(err).toContain("no process listens on the socket");
    expect(code).toBe(2);
  });

  test("another program on the socket is noticed", async () => {
    await admin.stop();
    using _other = Bun.serve({
      unix: admin.socket,
      fetch: () => new Response("?", { status: 404 }),
    });
    const { code, err } = await run("status");
    expect(err).toContain("doesn't know this call");
    expect(code).toBe(1);
  });

  test("one that stops in the middle of many ends the rest", async () => {
    const { out, code } = await (async () => {
      const result = run("reset", "10", "12");
      await admin.stop();
      return result;
    })();
    expect(out).not.toContain("video12");
    expect(code).toBe(2);
  });
});

test("a user who may not use the socket has to be root", () => {
  expect(explainUnreachable("EACCES", "/run/x.sock")).toMatchObject({
    code: "plugin_unreachable",
    message: `User ${process.getuid?.()} may not use /run/x.sock.`,
    remedy: expect.stringContaining("as root"),
  });
});
