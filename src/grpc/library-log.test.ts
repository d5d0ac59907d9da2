import { expect, test } from "bun:test";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { onLibraryLog } from "./library-log.ts";

test("the library's own words go where they are wanted", async () => {
  const told: string[] = [];
  onLibraryLog((message) => told.push(message));
  await new Promise((resolve) => {
    new Server().bindAsync("unix:/nonexistent/a.sock", ServerCredentials.createInsecure(), resolve);
  });
  onLibraryLog(() => undefined);
  expect(told.join()).toContain("No address added");
});
