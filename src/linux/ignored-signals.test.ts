import { expect, test } from "bun:test";
import { join } from "node:path";

const module = join(import.meta.dir, "ignored-signals.ts");

/** What a process says that a shell starts after `before`. */
function ignoresHangup(before: string): string {
  const script = `console.log((await import(${JSON.stringify(module)})).ignoresSignal(1))`;
  const shell = `${before} exec "$0" -e "$1"`;
  return Bun.spawnSync(["sh", "-c", shell, process.execPath, script]).stdout.toString().trim();
}

test("a process that nohup has started ignores SIGHUP, any other doesn't", () => {
  expect(ignoresHangup("trap '' HUP;")).toBe("true");
  expect(ignoresHangup("trap - HUP;")).toBe("false");
});
