import { expect, test } from "bun:test";
import type { Privileges } from "../../../linux/privileges.ts";
import { deviceRulesError } from "./device-rules.ts";

const privileged: Privileges = { uid: 0, capabilities: ["CAP_SYS_ADMIN"], filtered: false };

test("a privileged container that may open no device names containerd's setting", () => {
  const { code, message, remedy } = deviceRulesError("/host/dev/video10", privileged);
  expect(code).toBe("device_not_permitted");
  expect(message).toContain("/host/dev/video10 can't be opened");
  expect(message).toContain("privileged_without_host_devices = true");
  expect(remedy).toContain("privileged_without_host_devices = false");
});

test.each<[string, Privileges | undefined]>([
  ["without CAP_SYS_ADMIN", { ...privileged, capabilities: ["CAP_SYS_MODULE"] }],
  ["with a seccomp filter", { ...privileged, filtered: true }],
  ["of another user", { ...privileged, uid: 1000 }],
  ["of which nothing is known", undefined],
])("a process %s has to become privileged", (_, privileges) => {
  const { message, remedy } = deviceRulesError("/dev/video10", privileges);
  expect(message).not.toContain("containerd");
  expect(remedy).toStartWith("Run the container privileged");
});
