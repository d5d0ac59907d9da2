import { expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import type { RegistrationFacts } from "./registration.ts";
import { RegistrationLog } from "./registration-log.ts";

const start = 1_000_000_000;
const facts = (now: number): RegistrationFacts => ({
  now,
  server: "none",
  streams: 0,
  kubelet: { state: "absent", identity: undefined },
  refusingSince: undefined,
  registeredAt: undefined,
  lastStreamEnd: undefined,
  streamSeen: false,
  kubeletReplacedAt: undefined,
  notListed: false,
  lostDirectory: undefined,
  notBefore: 0,
});

test("a wait for the kubelet is logged when it begins and every ten minutes, a decision once", () => {
  const log = recordingLogger();
  const registrationLog = new RegistrationLog(log, "/dp/kubelet.sock");
  // There is no /dp: no kubelet will ever create its socket there.
  for (let second = 0; second <= 1500; second++) {
    const wait = { kind: "wait", reason: "kubelet_absent", ms: 1000 } as const;
    registrationLog.decided(wait, facts(start + second * 1000));
  }
  expect(log.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    "debug Registration decision",
    "warn Waiting for the kubelet",
    "warn Waiting for the kubelet",
    "warn Waiting for the kubelet",
  ]);
  expect(log.lines[1]?.fields).toEqual({
    kubelet_socket: "/dp/kubelet.sock",
    reason: "kubelet_absent",
    error: "There is no directory /dp.",
    error_code: "kubelet_directory_missing",
    remedy: "Mount the host's /dp into the container, at the same path.",
    next: "registering once the kubelet accepts connections",
  });
});

test("a wait that the kubelet's start ends is no warning", () => {
  const log = recordingLogger();
  const registrationLog = new RegistrationLog(log, "/proc/kubelet.sock");
  registrationLog.decided({ kind: "wait", reason: "kubelet_absent", ms: 1000 }, facts(start));
  expect(log.lines.at(-1)).toMatchObject({
    level: "info",
    msg: "Waiting for the kubelet",
    fields: { error_code: "kubelet_absent" },
  });
});
