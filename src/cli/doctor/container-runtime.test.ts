import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  runtimeAnswers,
  serveContainerRuntime,
} from "../../../test/support/fake-container-runtime.ts";
import { askContainerRuntime } from "./container-runtime.ts";

let directory: string;
const stops: (() => void)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cri-"));
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  rmSync(directory, { recursive: true });
});

const socket = (name: string) => join(directory, name);
const serve = async (name: string, answer: Parameters<typeof serveContainerRuntime>[1]) => {
  stops.push(await serveContainerRuntime(socket(name), answer));
};
const ask = (...names: string[]) => askContainerRuntime(names.map(socket));

test("the first runtime that answers says what it is, and its configuration", async () => {
  const answer = runtimeAnswers["containerd 1.7"];
  await serve("a", answer);
  await serve("b", runtimeAnswers["containerd 2.4"]);
  expect(await ask("absent", "a", "b")).toEqual(answer);
});

test.each([["{"], ["[]"], [""], [undefined]])(
  "a runtime whose status is no use still has a version: %p",
  async (config) => {
    await serve("a", { name: "cri-o", version: "1.33.0", ...(config !== undefined && { config }) });
    expect(await ask("a")).toEqual({ name: "cri-o", version: "1.33.0", config: undefined });
  },
);

test("one that serves no kubelet, as Docker's, is passed over", async () => {
  // Something that speaks no gRPC, and closes each connection.
  const server = createServer((connection) => connection.destroy()).listen(socket("docker"));
  stops.push(() => server.close());
  await serve("b", runtimeAnswers["containerd 2.4"]);
  expect(await ask("docker", "b")).toMatchObject({ version: "2.4.2" });
  expect(await ask("docker")).toBeString();
});

test("without an answer there is the reason", async () => {
  expect(await ask()).toBe("there is no such socket");
  expect(await ask("absent")).toBe("there is no such socket");
  writeFileSync(socket("file"), "");
  expect(await ask("file", "absent")).toBe("no process listens on it");
});
