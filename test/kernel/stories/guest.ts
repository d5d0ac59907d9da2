/**
 * Plays one story as a program: compiled by `kernel.e2e.ts`, run as root in a virtual machine with the
 * plugin beside it. Its argument is the title; it prints a line of JSON a check, and ends with 1 if one
 * failed.
 */
import { mkdirSync } from "node:fs";
import { runCheck } from "../guest-result.ts";
import { requestedVersions } from "../provision.ts";
import { GuestNode } from "./guest-node.ts";
import { plays } from "./stories.ts";

const play = plays(requestedVersions()).find(({ title }) => title === process.argv[2]);
if (play === undefined) throw new Error(`there is no story "${process.argv[2]}"`);
mkdirSync("/var/lib/kubelet", { recursive: true });
const node = new GuestNode();
for (const check of play.story) {
  const result = await runCheck(check.name, () => check.run(node));
  console.log(JSON.stringify(result));
  if (result.error !== undefined) process.exit(1);
}
process.exit(0);
