import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Device,
  type DeviceSchema,
  LogLevel,
  type Status,
  StatusSchema,
  Use,
} from "../../src/gen/videodevice/admin/v1/admin_pb.ts";

const minute = 60_000;
const hour = 60 * minute;

type DeviceInit = Exclude<MessageInitShape<typeof DeviceSchema>, Device>;

/** A healthy, clean and free device. */
function device(number: number, now: number, more: DeviceInit = {}): DeviceInit {
  return {
    id: `video${number}`,
    number,
    path: `/dev/video${number}`,
    healthy: true,
    reason: "ok",
    since: timestampFromMs(now - 26 * hour),
    use: Use.FREE,
    clean: true,
    ...more,
  };
}

function used(number: number, now: number, pod: string, more: DeviceInit = {}): DeviceInit {
  const owner = { namespace: "meetings", pod, container: "recorder" };
  return device(number, now, { use: Use.IN_USE, clean: false, owner, ...more });
}

/** A node at work: eight devices, one in each unusual state. */
export function busyStatus(now: number): Status {
  return create(StatusSchema, {
    ...node(now),
    devices: [
      used(10, now, "standup-7c9f5d4b6-x2lqp", { format: "YUYV 1280x720 30 fps", resets: 4 }),
      used(11, now, "interview-room-2", { format: "YUYV 640x480 30 fps", resets: 2 }),
      used(12, now, "webinar-5f8b7c-9kd7w"),
      device(13, now, { resets: 3, repairs: 1 }),
      device(14, now),
      device(15, now, { use: Use.UNSPECIFIED, clean: false }),
      device(16, now, {
        healthy: false,
        reason: "cordoned",
        detail: "",
        since: timestampFromMs(now - 2 * hour - 5 * minute),
        cordon: {
          since: timestampFromMs(now - 2 * hour - 5 * minute),
          note: "green stripe at the left edge, asking the driver's people",
        },
      }),
      device(17, now, {
        healthy: false,
        reason: "stuck_writer",
        detail:
          "A program died while it wrote to video17. The plugin resets the device when it is free.",
        since: timestampFromMs(now - 40_000),
        use: Use.UNSPECIFIED,
        clean: false,
      }),
    ],
    events: [
      event(now - 40_000, LogLevel.WARN, "Device is unhealthy", {
        device_id: "video17",
        reason: "stuck_writer",
      }),
      event(now - 3 * minute, LogLevel.INFO, "Device allocated", {
        device_id: "video10",
        pod: "standup-7c9f5d4b6-x2lqp",
      }),
      event(now - 2 * hour - 5 * minute, LogLevel.INFO, "Device cordoned", {
        device_id: "video16",
      }),
      event(now - 25 * hour, LogLevel.ERROR, "Registration failed", {
        code: "unavailable",
        retry_in_ms: "1000",
      }),
    ],
  });
}

function node(now: number) {
  return {
    observedAt: timestampFromMs(now),
    startedAt: timestampFromMs(now - 26 * hour),
    version: "0.1.0",
    nodeName: "worker-3.example.internal",
    resourceName: "meeting-baas.io/video-devices",
    driver: "v4l2loopback",
    logLevel: LogLevel.INFO,
    kubelet: {
      registered: true,
      reason: "registered",
      since: timestampFromMs(now - 26 * hour),
      podResourcesAnswers: true,
    },
  };
}

function event(at: number, level: LogLevel, message: string, fields: Record<string, string>) {
  return { time: timestampFromMs(at), level, message, fields };
}

/** A node whose devices are all healthy and free. */
export function quietStatus(now: number, count = 8): Status {
  const devices = Array.from({ length: count }, (_, index) => device(10 + index, now));
  return create(StatusSchema, { ...node(now), devices });
}

/** A node with two pools: one of virtual cameras at work, and one whose devices could not be set up. */
export function poolsStatus(now: number): Status {
  const { kubelet, ...rest } = node(now);
  const why = { healthy: false, reason: "module_gone", use: Use.UNSPECIFIED, clean: false };
  return create(StatusSchema, {
    ...{ ...rest, kubelet, devicesDetail: "webcams: There is no module. Install it." },
    devices: [
      used(10, now, "interview-room-2", { pool: "bots" }),
      device(11, now, { pool: "bots" }),
      device(20, now, { ...why, pool: "webcams", detail: "There is no video20." }),
    ],
    pools: [
      { name: "bots", resourceName: "example.com/bots", driver: "v4l2loopback", kubelet },
      {
        ...{ name: "webcams", resourceName: "example.com/webcams", driver: "simulated", kubelet },
        devicesDetail: "There is no module. Install it.",
      },
      { name: "codecs", resourceName: "example.com/codecs", driver: "camera", kubelet },
    ],
  });
}

/** The largest possible number of devices, in all states. */
export function crowdedStatus(now: number, count = 246): Status {
  const devices = Array.from({ length: count }, (_, index) => {
    if (index % 61 === 17) {
      return device(index, now, {
        healthy: false,
        reason: "missing",
        detail: "the device is gone",
      });
    }
    if (index % 97 === 40) return device(index, now, { healthy: false, reason: "cordoned" });
    return index % 3 === 0
      ? used(index, now, `meeting-${index}-x2lqp`, { format: "YUYV 640x480 30 fps" })
      : device(index, now);
  });
  return create(StatusSchema, { ...node(now), devices, events: busyStatus(now).events });
}

/** Texts that end a text, an attribute, a script, a line or a reading direction if they aren't escaped. */
export const hostileTexts = [
  `<script>document.title="pwned"</script>`,
  `"><img src=x onerror="document.title='pwned'">`,
  `</style></script><!--`,
  "\u202Egnp.exe \u2067שלום עולם",
  "x".repeat(200),
  "a\u0000b\u001b[31mc",
] as const;

/** A node whose every text is hostile. */
export function hostileStatus(now: number): Status {
  const text = (index: number) => hostileTexts[index % hostileTexts.length] ?? "";
  return create(StatusSchema, {
    ...node(now),
    version: text(0),
    nodeName: text(4),
    resourceName: text(1),
    driver: text(2),
    kubelet: { registered: false, reason: text(0), podResourcesError: text(1) },
    devices: hostileTexts.map((_, index) => ({
      id: `video${index}`,
      number: index,
      healthy: index % 2 === 0,
      reason: text(index),
      detail: text(index + 1),
      owner: { namespace: text(index + 2), pod: text(index + 3), container: text(index + 4) },
      cordon: { note: text(index + 5) },
      format: text(index),
    })),
    otherOffers: hostileTexts.map((hostile, index) => ({
      resourceName: hostile,
      deviceIds: [text(index + 1)],
    })),
    events: hostileTexts.map((hostile, index) => ({
      level: LogLevel.WARN,
      message: hostile,
      fields: { [text(index + 1)]: text(index + 2) },
    })),
  });
}
