import { afterEach, expect, test } from "bun:test";
import { digestOf, parseImageName, pinned } from "./pin-bases.ts";

const digest = `sha256:${"5a".repeat(32)}`;
const servers: { stop(force: boolean): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

/** A registry with one image, `team/base:1`, that requires a token, as public ones do. */
function registry(): { host: string; asked: string[] } {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const url = new URL(request.url);
      asked.push(`${request.method} ${url.pathname}${url.search}`);
      if (url.pathname === "/token") return Response.json({ token: "abc" });
      if (request.headers.get("authorization") !== "Bearer abc") {
        const challenge = `Bearer realm="${url.origin}/token",service="s",scope="repository:team/base:pull"`;
        return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
      }
      if (url.pathname !== "/v2/team/base/manifests/1") return new Response(null, { status: 404 });
      if (!request.headers.get("accept")?.includes("image.index")) {
        return new Response(null, { status: 406 });
      }
      return new Response(null, { headers: { "docker-content-digest": digest } });
    },
  });
  servers.push(server);
  return { host: `127.0.0.1:${server.port}`, asked };
}

async function failure(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return String(error);
  }
  return "none";
}

test("a name is parsed without its digest", () => {
  expect(parseImageName("docker.io/oven/bun:1.4.5-debian")).toEqual({
    registry: "docker.io",
    repository: "oven/bun",
    tag: "1.4.5-debian",
  });
  expect(parseImageName(`127.0.0.1:5000/a:b@${digest}`)).toEqual({
    registry: "127.0.0.1:5000",
    repository: "a",
    tag: "b",
  });
  expect(() => parseImageName("oven/bun")).toThrow('"oven/bun": expected REGISTRY/REPOSITORY:TAG');
});

test("a request has the token that the registry requires", async () => {
  const { host, asked } = registry();
  expect(await digestOf(parseImageName(`${host}/team/base:1`))).toBe(digest);
  expect(asked).toEqual([
    "HEAD /v2/team/base/manifests/1",
    "GET /token?service=s&scope=repository%3Ateam%2Fbase%3Apull",
    "HEAD /v2/team/base/manifests/1",
  ]);
});

test("an absent tag is named", async () => {
  const { host } = registry();
  expect(await failure(() => digestOf(parseImageName(`${host}/team/base:2`)))).toBe(
    `Error: http://${host}/v2/team/base/manifests/2: HTTP 404`,
  );
});

test("each image is pinned, again if it was; comments stay", async () => {
  const old = `@sha256:${"00".repeat(32)}`;
  const text = `# Why.\nA=x.io/a:1\nB=x.io/b/c:2${old}\n`;
  expect(await pinned(text, async () => digest)).toBe(
    `# Why.\nA=x.io/a:1@${digest}\nB=x.io/b/c:2@${digest}\n`,
  );
});
