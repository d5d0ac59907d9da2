import { expect, test } from "bun:test";
import { runtimeAnswers } from "../../../test/support/fake-container-runtime.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import { examineCdi } from "./examine-cdi.ts";

const examined = (runtime: ContainerRuntime | string, more: { cdiDir?: string } = {}) =>
  examineCdi({ runtime, isWritable: true }, { cdiDir: "/var/run/cdi", ...more });

test.each(["containerd 1.7 with enable_cdi", "containerd 2.4"] as const)(
  "%s uses CDI devices",
  (runtime) => {
    const { state, detail } = examined(runtimeAnswers[runtime]);
    expect({ state, detail }).toEqual({
      state: "ok",
      detail: expect.stringMatching(/^containerd [12]\.\S+ uses CDI devices, so the user/),
    });
  },
);

test("containerd 1.6 ignores CDI devices, and pods need a group", () => {
  expect(examined(runtimeAnswers["containerd 1.6"])).toMatchObject({
    ...{ check: "cdi", state: "warning" },
    detail: "containerd 1.6.20~ds1 ignores CDI devices: it has no CDI",
    remedy: expect.stringContaining("supplementalGroups"),
  });
});

test("containerd 1.7 ignores them until its switch is on, and so does a 2 whose switch is off", () => {
  const old = runtimeAnswers["containerd 1.7"];
  expect(examined(old)).toMatchObject({
    state: "warning",
    detail: "containerd 1.7.24~ds1 ignores CDI devices: enable_cdi is false",
    remedy: expect.stringContaining(
      'Set enable_cdi = true in [plugins."io.containerd.grpc.v1.cri"] of',
    ),
  });
  expect(examined({ ...old, version: "2.1.9" }).remedy).toContain(
    '[plugins."io.containerd.cri.v1.runtime"]',
  );
});

test.each([
  ["1.22.5", "warning", "cri-o 1.22.5 ignores CDI devices: it has no CDI"],
  ["1.23.0", "ok", "cri-o 1.23.0 uses CDI devices"],
  ["2.0.0", "ok", "cri-o 2.0.0 uses CDI devices"],
  ["main", "warning", "unknown what cri-o main does with CDI devices"],
])("CRI-O %s: %s", (version, state, detail) => {
  const check = examined({ name: "cri-o", version, config: undefined });
  expect(check).toMatchObject({ state, detail: expect.stringContaining(detail) });
});

test("a runtime that reads another directory than the plugin's is named", () => {
  const runtime = runtimeAnswers["containerd 2.4"];
  expect(examined(runtime, { cdiDir: "/run/cdi" }).state).toBe("ok");
  expect(examined(runtime, { cdiDir: "/srv/cdi" })).toMatchObject({
    state: "warning",
    detail: "containerd 2.4.2 reads CDI devices from /etc/cdi, /var/run/cdi, and not from /srv/cdi",
    remedy: expect.stringContaining("CDI_DIR"),
  });
});

test.each([
  ["there is no such socket", "no container runtime has a socket here", "Run this on the host"],
  ["user 1000 may not use it", "user 1000 may not use it", "Run this on the host"],
  [`user ${process.getuid?.()} may not use it`, `user ${process.getuid?.()}`, "Run this as root"],
])("an unknown runtime is a warning with what helps: %s", (why, detail, remedy) => {
  expect(examined(why)).toMatchObject({
    state: "warning",
    detail: expect.stringContaining(detail),
    remedy: expect.stringContaining(remedy),
  });
  const other = examined({ name: "other", version: "1.0", config: undefined });
  expect(other).toMatchObject({ state: "warning", detail: expect.stringContaining("other 1.0") });
  const silent = examined({ name: "containerd", version: "1.7.24", config: undefined });
  expect(silent.detail).toBe("unknown what containerd 1.7.24 does with CDI devices");
});

test("a directory that can't be written is the first thing to fix", () => {
  const facts = { runtime: runtimeAnswers["containerd 2.4"], isWritable: false };
  expect(examineCdi(facts, { cdiDir: "/var/run/cdi" })).toMatchObject({
    state: "warning",
    detail: expect.stringMatching(/^\/var\/run\/cdi can't be written to/),
  });
});
