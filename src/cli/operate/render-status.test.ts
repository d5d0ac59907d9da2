import { describe, expect, test } from "bun:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { device, NOON, statusOf } from "../../../test/support/fake-admin.ts";
import { poolsStatus } from "../../../test/support/statuses.ts";
import { LogLevel, Picture, Signal, Use, Work } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { width } from "../tools/table.ts";
import { renderStatus } from "./render-status.ts";

const ago = (seconds: number) => timestampFromMs(NOON - seconds * 1000);
const view = { now: NOON, width: 100, colour: false, events: 5 };

const busy = device(10, {
  ...{ use: Use.IN_USE, clean: false, format: "YUYV 640x480 30 fps", resets: 2 },
  owner: { namespace: "default", pod: "recorder", container: "main" },
});
const unhealthy = device(12, {
  ...{ healthy: false, reason: "stuck_writer", since: ago(12), use: Use.UNSPECIFIED, clean: false },
  detail: "A writer has died and left its mark.",
});
const cordoned = device(13, {
  ...{ healthy: false, reason: "cordoned", since: ago(192) },
  cordon: { since: ago(192), note: "black frames, looking into it" },
});
const events = [
  {
    ...{ time: ago(12), level: LogLevel.WARN, message: "Device is unhealthy" },
    fields: { device_id: "video12", reason: "stuck_writer" },
  },
  {
    time: ago(7500),
    level: LogLevel.INFO,
    message: "Registered",
    fields: { why: "a new kubelet" },
  },
];
const mixed = statusOf([busy, device(11), unhealthy, cordoned], { events });

describe("a node's status", () => {
  test("is short if all devices are healthy", () => {
    expect(renderStatus(statusOf([busy, device(11)]), view).join("\n")).toMatchInlineSnapshot(`
      "✓ node-a: 2 of 2 devices healthy, 1 in use
        kubelet  registered for 2h5m as meeting-baas.io/video-devices
        plugin   0.1.0, v4l2loopback, up 2h5m, log level info

      DEVICE   HEALTH   SINCE  USE     POD               FORMAT               RESETS
      video10  healthy  2h5m   in use  default/recorder  YUYV 640x480 30 fps  2
      video11  healthy  2h5m   free    -                 -                    0"
    `);
  });

  test("shows unhealthy and cordoned devices, and the last events", () => {
    expect(renderStatus(mixed, view).join("\n")).toMatchInlineSnapshot(`
      "! node-a: 2 of 4 devices healthy, 1 in use, 1 cordoned
        kubelet  registered for 2h5m as meeting-baas.io/video-devices
        plugin   0.1.0, v4l2loopback, up 2h5m, log level info

      DEVICE   HEALTH        SINCE  USE     POD               FORMAT               RESETS
      video10  healthy       2h5m   in use  default/recorder  YUYV 640x480 30 fps  2
      video11  healthy       2h5m   free    -                 -                    0
      video12  stuck_writer  12s    free    -                 -                    0
      video13  cordoned      3m12s  free    -                 -                    0

      video12: A writer has died and left its mark.
      video13 cordoned 3m12s ago: black frames, looking into it

      Last events, newest first:
         12s ago  warn   Device is unhealthy  device_id=video12 reason=stuck_writer
        2h5m ago  info   Registered  why="a new kubelet""
    `);
  });

  test("shows what ready cameras show, and what an application does wrong", () => {
    const ready = (number: number, picture: Picture, problem = "") =>
      device(number, {
        ...{ use: Use.IN_USE, format: "YU12 1280x720 30 fps" },
        readyCamera: { feedPath: `/dev/video${number + 128}`, picture, problem },
      });
    const devices = [
      ready(10, Picture.APPLICATION),
      ready(11, Picture.PLACEHOLDER, "The feed gets 614400 bytes a frame, this camera has others."),
      ready(12, Picture.UNSPECIFIED),
    ];
    const lines = renderStatus(statusOf(devices, { relay: { running: true } }), view);
    expect(lines.slice(4).join("\n")).toMatchInlineSnapshot(`
      "DEVICE   HEALTH   SINCE  USE     POD  SHOWS        FORMAT                RESETS
      video10  healthy  2h5m   in use  -    application  YU12 1280x720 30 fps  0
      video11  healthy  2h5m   in use  -    placeholder  YU12 1280x720 30 fps  0
      video12  healthy  2h5m   in use  -    -            YU12 1280x720 30 fps  0

      video11: The feed gets 614400 bytes a frame, this camera has others."
    `);
    const narrow = renderStatus(statusOf(devices), { ...view, width: 60 });
    expect(narrow[4]).toContain("SHOWS");
  });

  test("shows how long a pod has owned its device, and that it may be longer", () => {
    const owner = { namespace: "default", pod: "recorder", container: "main" };
    const owned = (since: object) => device(10, { use: Use.IN_USE, owner: { ...owner, ...since } });
    const shown = (since: object) =>
      renderStatus(statusOf([owned(since)]), view)[5]
        ?.split(/ {2,}/)
        .slice(4, 6);
    expect(shown({ since: ago(750), sinceIsExact: true })).toEqual(["default/recorder", "12m30s"]);
    expect(shown({ since: ago(750) })).toEqual(["default/recorder", ">12m30s"]);
    expect(shown({})).toEqual(["default/recorder", "-"]);
  });

  test("shows a reset or repair beside the use, and not as the health", () => {
    const devices = [
      device(10, { clean: false, work: Work.RESET }),
      device(11, { use: Use.IN_USE, clean: false, work: Work.RESET }),
      device(12, { use: Use.UNSPECIFIED, reason: "dead_caps", healthy: false, work: Work.REPAIR }),
    ];
    const lines = renderStatus(statusOf(devices), view).slice(4, 8);
    expect(lines.map((line) => line.split(/ {2,}/).slice(1, 4))).toEqual([
      ["HEALTH", "SINCE", "USE"],
      ["healthy", "2h5m", "free, resetting"],
      ["healthy", "2h5m", "in use, resetting"],
      ["dead_caps", "2h5m", "free, repairing"],
    ]);
  });

  test("fits a screen of 80 columns with long pod names, of which both ends stay", () => {
    const pod = "meeting-recorder-deployment-7d9f6c5b4-x2x1q";
    const owned = device(10, {
      ...{ use: Use.IN_USE, format: "YUYV 1920x1080 30 fps" },
      owner: { namespace: "production", pod, container: "main" },
    });
    expect(
      renderStatus(statusOf([owned, unhealthy]), { ...view, width: 80 }).join("\n"),
    ).toMatchInlineSnapshot(`
      "! node-a: 1 of 2 devices healthy, 1 in use
        kubelet  registered for 2h5m as meeting-baas.io/video-devices
        plugin   0.1.0, v4l2loopback, up 2h5m, log level info

      DEVICE   HEALTH        SINCE  USE     POD               FORMAT            RESETS
      video10  healthy       2h5m   in use  producti…4-x2x1q  YUYV 1920x1080 …  0
      video12  stuck_writer  12s    free    -                 -                 0

      video12: A writer has died and left its mark."
    `);
  });

  test("shows what is known of a kubelet that does not register or answer", () => {
    const kubelet = {
      ...{ registered: false, reason: "kubelet_absent", since: ago(65) },
      ...{ podResourcesAnswers: false, podResourcesError: "connect ENOENT" },
    };
    expect(renderStatus(statusOf([], { kubelet }), view).join("\n")).toMatchInlineSnapshot(`
      "✗ node-a: Not registered with the kubelet. 0 of 0 devices healthy, 0 in use
        kubelet  not registered for 1m5s: kubelet_absent
        plugin   0.1.0, v4l2loopback, up 2h5m, log level info
        pods     unknown, the kubelet's pod-resources API does not answer: connect ENOENT

      There are no devices."
    `);
  });

  test("shows in whole sentences what to do if the plugin is not registered", () => {
    const detail =
      "There is no /dp/kubelet.sock. Start the kubelet (on the host: systemctl status kubelet).";
    const kubelet = { registered: false, reason: "kubelet_absent", since: ago(65), detail };
    const [, ...lines] = renderStatus(statusOf([], { kubelet }), { ...view, width: 60 });
    expect(lines.slice(0, 3)).toEqual([
      "  kubelet  not registered for 1m5s: kubelet_absent",
      "           There is no /dp/kubelet.sock. Start the kubelet",
      "           (on the host: systemctl status kubelet).",
    ]);
  });

  test("has one cause of all devices, and what to do, once above the table and once below", () => {
    const gone = (number: number) =>
      device(number, {
        ...{ healthy: false, reason: "module_gone", detail: "The module is not loaded." },
      });
    const devicesDetail = "There is no file of v4l2loopback. Install v4l2loopback-dkms.";
    const status = statusOf([gone(10), gone(11), gone(12), unhealthy], { devicesDetail });
    const lines = renderStatus(status, { ...view, width: 60 });
    const above = lines.slice(0, lines.indexOf(""));
    expect(above.slice(-2)).toEqual([
      "  devices  There is no file of v4l2loopback. Install",
      "           v4l2loopback-dkms.",
    ]);
    expect(lines.filter((line) => line.includes("not loaded") || line.includes("mark"))).toEqual([
      "video10 and 2 more: The module is not loaded.",
      "video12: A writer has died and left its mark.",
    ]);
  });

  test("names other plugins that offer the same devices, in whole sentences", () => {
    const otherOffers = [
      { resourceName: "example.com/cameras", deviceIds: ["video10", "video11", "video12"] },
    ];
    const status = statusOf([busy, device(11)], { otherOffers });
    expect(renderStatus(status, { ...view, width: 80 }).slice(0, 5)).toEqual([
      "! node-a: 2 of 2 devices healthy, 1 in use",
      "  kubelet  registered for 2h5m as meeting-baas.io/video-devices",
      "  plugin   0.1.0, v4l2loopback, up 2h5m, log level info",
      "  others   Another plugin offers video10, video11, video12 as well, under the",
      "           resource name example.com/cameras.",
    ]);
  });

  test("never has a line that is wider than the screen", () => {
    const owner = { namespace: "default", pod: "recorder", container: "main", since: ago(750) };
    const owned = statusOf([device(10, { use: Use.IN_USE, owner }), unhealthy]);
    for (let columns = 40; columns <= 120; columns++) {
      for (const line of [mixed, owned].flatMap((status) =>
        renderStatus(status, { ...view, width: columns, colour: true }),
      )) {
        expect(width(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  test("wraps what is wrong with a device, since the end says what to do", () => {
    const detail = `There is no /dev/video10. Mount the host's /dev into the container.`;
    const status = statusOf([device(10, { healthy: false, reason: "missing", detail })]);
    expect(renderStatus(status, { ...view, width: 50 }).slice(-2)).toEqual([
      "video10: There is no /dev/video10. Mount the",
      "  host's /dev into the container.",
    ]);
  });

  test("says of a capture card that no source feeds it", () => {
    const status = statusOf([device(10, { use: Use.FREE, signal: Signal.MISSING })]);
    expect(renderStatus(status, view).join("\n")).toMatch(/healthy +\S+ +free, no signal /);
  });

  test("gives up counts before the names of pods", () => {
    const owner = { namespace: "default", pod: "meeting-recorder-7d9f6c5b4-x2x1q", container: "c" };
    const owned = { use: Use.IN_USE, format: "YUYV 640x480 30 fps", owner };
    const status = statusOf([device(10, owned), device(11, { clean: false })]);
    expect(renderStatus(status, { ...view, width: 80 })[4]).toBe(
      "DEVICE   HEALTH   SINCE  USE                  POD               FORMAT",
    );
  });

  test("is not cut where there is no screen", () => {
    const detail = "x".repeat(500);
    const status = statusOf([device(10, { healthy: false, reason: "missing", detail })]);
    const lines = renderStatus(status, { ...view, width: Number.POSITIVE_INFINITY });
    expect(lines).toContain(`video10: ${detail}`);
  });

  test("has as many events as are wanted", () => {
    const count = (wanted: number) =>
      renderStatus(mixed, { ...view, events: wanted }).filter((line) => line.includes(" ago  "))
        .length;
    expect([0, 1, 2, 9].map(count)).toEqual([0, 1, 2, 2]);
  });

  test("is the same text with colours as without", () => {
    const plain = renderStatus(mixed, view);
    const coloured = renderStatus(mixed, { ...view, colour: true });
    expect(coloured.map((line) => Bun.stripANSI(line).trimEnd())).toEqual(plain);
    expect(coloured.join("\n")).toContain("\x1b[31mstuck_writer\x1b[39m");
    expect(coloured.join("\n")).toContain("\x1b[33mcordoned\x1b[39m");
  });

  test("escapes control characters of foreign texts", () => {
    const evil = device(10, {
      ...{ healthy: false, reason: "missing", detail: "\x1b[2Jgone\nvideo11 is fine" },
      cordon: { since: ago(1), note: "\x1b]0;title\x07" },
      owner: { namespace: "a", pod: "\x9b31m", container: "" },
    });
    const text = renderStatus(statusOf([evil]), view).join("\n");
    expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(text).not.toContain("\nvideo11 is fine");
  });
});

describe("the status of several pools", () => {
  const status = poolsStatus(NOON);

  test("has a table for each, with its registration above it", () => {
    const lines = renderStatus(status, view);
    expect(lines.join("\n")).toMatchInlineSnapshot(`
      "✗ worker-3.example.internal: 2 of 3 devices healthy, 1 in use; webcams: 0 of 1 device healthy, 0 in…
        plugin   0.1.0, up 1d2h, log level info

      bots     registered for 1d2h as example.com/bots, v4l2loopback
      DEVICE   HEALTH   SINCE  USE     POD                        FORMAT  RESETS
      video10  healthy  1d2h   in use  meetings/interview-room-2  -       0
      video11  healthy  1d2h   free    -                          -       0

      webcams  registered for 1d2h as example.com/webcams, simulated
      devices  There is no module. Install it.
      DEVICE   HEALTH       SINCE  USE   POD  FORMAT  RESETS
      video20  module_gone  1d2h   free  -    -       0

      codecs   registered for 1d2h as example.com/codecs, camera
      There are no devices.

      video20: There is no video20."
    `);
  });

  test("has lines for what a short screen has no room for, and those of devices with trouble", () => {
    const lines = renderStatus(status, { ...view, rows: 16 });
    expect(lines.length).toBeLessThanOrEqual(16);
    const text = lines.join("\n");
    expect(text).toContain("video20  module_gone");
    expect(text).toContain("more device");
    expect(text).not.toContain("video11");
  });
});
