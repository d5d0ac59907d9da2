import type { ModuleVersion } from "../kernel/provision.ts";
import { bufferCases, playBuffers } from "./max-buffers.ts";
import { cleared, stageWith } from "./module-in-vm.ts";

/** How a writer and a reader got along on a device with so many buffers. */
export interface BuffersResult {
  readonly version: ModuleVersion;
  /** A sentence. */
  readonly name: string;
  /** `ok`, or what failed. */
  readonly how: string;
  readonly ms: number;
}

/**
 * {@link bufferCases} as a program (test/kernel/guest.ts): `buffers VERSION,VERSION… SIZE` plays them with each version of
 * v4l2loopback, in the gate the first of each. It prints a line of JSON each.
 */
export async function main([versions = "", size = ""]: readonly string[]) {
  for (const version of versions.split(",") as ModuleVersion[]) {
    const stage = stageWith(version);
    for (const { name, maxBuffers, writer, reader } of bufferCases(version, size)) {
      const started = performance.now();
      const how = await playBuffers(stage, maxBuffers, writer, reader).catch(String);
      const ms = Math.round(performance.now() - started);
      const result: BuffersResult = { version, name, how, ms };
      console.log(JSON.stringify(result));
    }
    await cleared(stage);
  }
  return 0;
}
