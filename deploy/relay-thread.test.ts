import { expect, test } from "bun:test";
import { join } from "node:path";
import { readMetafile } from "./bundled-packages.ts";

// The plugin loads it by this path: without it, ready cameras would have no relay.
test("the executable has the relay's Worker beside the program", () => {
  const outputs = Object.keys(readMetafile(join(import.meta.dir, "..")).outputs);
  expect(outputs).toContain("drivers/loopback/ready/relay-thread.js");
});
