import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  busyStatus,
  crowdedStatus,
  hostileStatus,
  poolsStatus,
  quietStatus,
} from "../../../test/support/statuses.ts";
import { Picture, Signal, StatusSchema, Work } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { pagePolicy, renderStatusPage } from "./status-page.ts";

const now = Date.UTC(2026, 10, 23, 14, 3, 22);
const occurrences = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

describe("the status page", () => {
  test("is a function of the status and the time", () => {
    expect(renderStatusPage(busyStatus(now), now)).toBe(renderStatusPage(busyStatus(now), now));
  });

  test("shows that a device is being reset", () => {
    const devices = [{ id: "video10", healthy: true, clean: true, work: Work.RESET, resets: 2 }];
    const page = renderStatusPage(create(StatusSchema, { devices }), now);
    expect(page).toContain("resetting · 2 resets");
  });

  test("shows that no source feeds a capture card", () => {
    const devices = [{ id: "card", healthy: true, clean: true, signal: Signal.MISSING, resets: 1 }];
    const page = renderStatusPage(create(StatusSchema, { devices }), now);
    expect(page).toContain("no signal · 1 reset");
  });

  test("shows what a ready camera shows, and what is wrong with its feed", () => {
    const readyCamera = { picture: Picture.PLACEHOLDER, problem: "The feed gets <b>frames</b>." };
    const devices = [{ id: "video10", healthy: true, format: "YU12 640x480", readyCamera }];
    const relay = { running: false };
    const page = renderStatusPage(create(StatusSchema, { devices, relay }), now);
    expect(page).toContain("the placeholder");
    expect(page).toContain("The feed gets &lt;b&gt;frames&lt;/b&gt;.");
    expect(page).toContain("<em>not running</em>");
    expect(renderStatusPage(busyStatus(now), now)).not.toContain("<dt>Relay</dt>");
  });

  test("has why devices could not be set up or registered, and what to do, above all devices", () => {
    const page = renderStatusPage(
      create(StatusSchema, {
        devices: [{ id: "video10", reason: "module_gone", detail: "The module is not loaded." }],
        devicesDetail: "There is no v4l2loopback. Install it.",
        kubelet: { reason: "kubelet_absent", detail: "There is no directory /dp. Mount it." },
      }),
      now,
    );
    const [head = ""] = page.split("<main>");
    expect(head).toContain("There is no v4l2loopback. Install it.");
    expect(head).toContain("There is no directory /dp. Mount it.");
    expect(renderStatusPage(quietStatus(now), now)).not.toContain("<dt>Devices</dt>");
  });

  test("names the node, the resource, the summary, owners, formats, cordons and events", () => {
    const page = renderStatusPage(busyStatus(now), now);
    for (const text of [
      "worker-3.example.internal",
      "meeting-baas.io/video-devices",
      "6 of 8 devices healthy, 3 in use, 1 cordoned",
      "standup-7c9f5d4b6-x2lqp",
      "YUYV 1280x720 30 fps",
      "green stripe at the left edge, asking the driver&#39;s people",
      "stuck_writer",
      "3 resets · 1 repair",
      "not reset yet",
      "Registration failed",
    ]) {
      expect(page).toContain(text);
    }
  });

  test("says for how long a pod has owned its device, and if that may be longer", () => {
    const since = timestampFromMs(now - 750_000);
    const owner = { namespace: "default", pod: "recorder", container: "app", since };
    const page = (more: object) => {
      const devices = [{ id: "video10", healthy: true, owner: { ...owner, ...more } }];
      return renderStatusPage(create(StatusSchema, { devices }), now).replace(/<[^>]+>/g, "");
    };
    expect(page({ sinceIsExact: true })).toContain("app in default for 12m30s");
    expect(page({})).toContain("app in default for more than 12m30s");
    expect(page({ since: undefined })).not.toContain("default for");
  });

  test("allows its own style and script by their digests, and no others", () => {
    const page = renderStatusPage(quietStatus(now), now);
    for (const [element, directive] of [
      ["style", "style-src"],
      ["script", "script-src"],
    ] as const) {
      const content = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page)?.[1] ?? "";
      const digest = createHash("sha256").update(content).digest("base64");
      expect(pagePolicy).toContain(`${directive} 'sha256-${digest}';`);
    }
    expect(pagePolicy).not.toContain("unsafe");
    expect(page).not.toMatch(/ (style|on[a-z]+)="/);
  });

  test("loads nothing from elsewhere", () => {
    const page = renderStatusPage(busyStatus(now), now);
    const addresses = [...page.matchAll(/ (?:src|href)="([^"]*)"/g)].map(([, address]) => address);
    const elsewhere = addresses.filter(
      (address) => !/^(#|data:image\/svg|[a-z.]+$)/.test(address ?? ""),
    );
    expect(elsewhere).toEqual([]);
  });

  test("has no additional element for markup in hostile texts", () => {
    const page = renderStatusPage(hostileStatus(now), now);
    expect(occurrences(page, /<script/g)).toBe(1);
    expect(occurrences(page, /<(img|!--)/g)).toBe(0);
  });

  test("draws a map of many devices, and none of a few", () => {
    expect(renderStatusPage(quietStatus(now, 8), now)).not.toContain("<nav");
    const page = renderStatusPage(crowdedStatus(now), now);
    expect(occurrences(page, /class="cell /g)).toBe(246);
    expect(occurrences(page, /class="card /g)).toBe(246);
  });

  test("has a section for each of several pools, with its resource, registration and devices", () => {
    const [head = "", ...sections] = renderStatusPage(poolsStatus(now), now).split("<section ");
    expect(head).toContain("webcams: 0 of 1 device healthy");
    expect(head).not.toContain("<dt>Resource</dt>");
    const shown = sections.map((section) => [
      /<h2[^>]*>(?:<bdi>)?(\w+)/.exec(section)?.[1],
      /<dt>Resource<\/dt><dd><bdi>([^<]*)/.exec(section)?.[1],
      occurrences(section, /class="card /g),
    ]);
    expect(shown).toEqual([
      ["bots", "example.com/bots", 2],
      ["webcams", "example.com/webcams", 1],
      ["codecs", "example.com/codecs", 0],
      ["Events", undefined, 0],
    ]);
    expect(sections[1]).toContain("There is no module. Install it.");
  });

  test("renders a status in which nothing is set", () => {
    const page = renderStatusPage(create(StatusSchema), now);
    expect(page).toContain("Not registered with the kubelet. 0 of 0 devices healthy");
    expect(page).toContain("No events yet.");
    expect(page.split("<script>")[0]).not.toContain("undefined");
  });
});
