import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { busyStatus, crowdedStatus, hostileStatus, quietStatus } from "../support/statuses.ts";
import { noBrowser, OpenPage } from "./browser.ts";
import contrast from "./contrast.client.js" with { type: "text" };
import { PageServer } from "./page-server.ts";

/**
 * The status page in Debian's Chromium, served by the real HTTP server. Run `test/browser/provision.sh`
 * first, then `bun run test:browser`. The directory of the screenshots is printed at the end.
 */
const skip = skipLevel(noBrowser());

/** Longest wait in milliseconds: a few times the page's interval of 2.5 s. */
const patience = { timeout: 15_000 };

const phone = { viewport: { width: 360, height: 740 } };
const dark = { colorScheme: "dark" } as const;

describe.skipIf(skip)("the status page in Chromium", () => {
  let server: PageServer;
  const shots = mkdtempSync(join(tmpdir(), "vdp-status-page-"));

  beforeAll(() => {
    server = new PageServer(quietStatus);
  });
  beforeEach(() => {
    server.status = quietStatus;
  });
  afterAll(async () => {
    await server?.stop();
    process.stderr.write(`screenshots: ${shots}\n`);
  });

  /** Runs `work` with an open page, which must report no error. */
  async function at(
    options: Parameters<typeof OpenPage.open>[1],
    work: (opened: OpenPage) => Promise<void>,
  ): Promise<void> {
    await using opened = await OpenPage.open(server.url, options);
    await work(opened);
    expect(opened.complaints).toEqual([]);
  }

  const shoot = ({ page }: OpenPage, name: string) =>
    page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });

  test("shows the node, its devices with their owners, and events", async () => {
    server.status = busyStatus;
    await at({}, async (opened) => {
      const { page } = opened;
      expect(await page.title()).toContain("6 of 8 devices healthy");
      expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe(
        "worker-3.example.internal",
      );
      expect(await page.getByRole("heading", { level: 3 }).count()).toBe(8);
      const card = page.locator("#video10");
      expect(await card.textContent()).toMatch(
        /video10\s+in use\s+healthy for 1d2h\s+pod\s+standup-7c9f5d4b6-x2lqp\s+recorder in meetings\s+streams YUYV 1280x720 30 fps/,
      );
      expect(await page.locator("ol.events > li").count()).toBe(4);
      expect(await page.locator("time:not([datetime])").count()).toBe(0);
      await shoot(opened, "light");
    });
  });

  test("updates in place, and keeps focus, selection and scrolling", async () => {
    server.status = crowdedStatus;
    await at({}, async ({ page }) => {
      await page.evaluate(`
        const name = document.querySelector("#video200 h3");
        name.scrollIntoView();
        getSelection().selectAllChildren(name);
        document.querySelector("footer a").focus({ preventScroll: true });
        window.kept = document.querySelector("#video200");
      `);
      const state = `[scrollY, String(getSelection()), document.activeElement.href]`;
      const before = await page.evaluate(state);
      server.status = (now) => {
        const status = crowdedStatus(now);
        return create(StatusSchema, { ...status, nodeName: "renamed" } as Status);
      };
      await page.locator("h1", { hasText: "renamed" }).waitFor(patience);
      expect(await page.evaluate(state)).toEqual(before);
      expect(await page.evaluate(`window.kept === document.querySelector("#video200")`)).toBe(true);
      expect(await page.title()).toStartWith("renamed");
    });
  });

  test("shows that the plugin is unreachable, keeps its last status, and continues when it is back", async () => {
    await using opened = await OpenPage.open(server.url);
    const { page } = opened;
    await server.stop();
    const connection = page.locator("#connection");
    await page.locator("#connection:not(:empty)").waitFor(patience);
    expect(await connection.textContent()).toMatch(/^Connection lost since \d\d:\d\d:\d\d UTC/);
    expect(await page.getByRole("heading", { level: 3 }).count()).toBe(8);
    await shoot(opened, "away");
    server.status = busyStatus;
    server.start();
    await page.locator(".summary", { hasText: "6 of 8" }).waitFor(patience);
    expect(await connection.textContent()).toBe("");
    // The browser's own message about an address without a server.
    expect(opened.complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED"))).toEqual(
      [],
    );
  });

  test("doesn't poll while it is hidden, and polls at once when it is shown", async () => {
    await at({}, async ({ page }) => {
      const show = (hidden: boolean) =>
        page.evaluate(`
          Object.defineProperty(document, "hidden", { configurable: true, get: () => ${hidden} });
          document.dispatchEvent(new Event("visibilitychange"));
        `);
      await show(true);
      // A request under way may still arrive.
      await Bun.sleep(500);
      const before = server.made;
      await Bun.sleep(3500);
      expect(server.made).toBe(before);
      server.status = busyStatus;
      await show(false);
      await page.locator(".summary", { hasText: "6 of 8" }).waitFor({ timeout: 2000 });
    });
  });

  test("reloads itself without its script", async () => {
    await at({ javaScriptEnabled: false }, async ({ page }) => {
      expect(await page.locator(".summary").textContent()).toBe("8 of 8 devices healthy, 0 in use");
      server.status = busyStatus;
      await page.locator(".summary", { hasText: "6 of 8" }).waitFor(patience);
    });
  });

  test("runs only its own script", async () => {
    await using opened = await OpenPage.open(server.url);
    await opened.page.evaluate(`
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", '<img src="x" onerror="window.ran = true">');
    `);
    await Bun.sleep(200);
    expect(await opened.page.evaluate("window.ran")).toBeUndefined();
    expect(opened.complaints.join()).toContain("Content Security Policy");
  });

  test("shows hostile texts as texts", async () => {
    server.status = hostileStatus;
    for (const options of [{}, phone]) {
      await at(options, async (opened) => {
        const { page } = opened;
        await Bun.sleep(3000); // once more, by the script
        expect(await page.title()).not.toBe("pwned");
        expect(await page.locator("img").count()).toBe(0);
        expect(await page.locator("script").count()).toBe(1);
        expect(await page.locator("#video0 .format").textContent()).toContain("<script>");
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(
          true,
        );
        await shoot(opened, `hostile-${page.viewportSize()?.width}`);
      });
    }
  }, 30_000);

  test("fits a phone, with eight devices and with 246", async () => {
    for (const status of [busyStatus, crowdedStatus]) {
      server.status = status;
      await at(phone, async (opened) => {
        expect(await opened.page.evaluate("document.documentElement.scrollWidth")).toBe(360);
        await shoot(opened, `phone-${status.name}`);
      });
    }
  });

  test("has a map of 246 devices that links to each of them", async () => {
    server.status = crowdedStatus;
    await at({}, async (opened) => {
      const { page } = opened;
      const map = page.getByRole("navigation", { name: "Map of all devices" });
      expect(await map.getByRole("link").count()).toBe(246);
      await shoot(opened, "many");
      await map.getByRole("link", { name: "video200: missing" }).click();
      expect(new URL(page.url()).hash).toBe("#video200");
      const top = await page.evaluate(
        `document.querySelector("#video200").getBoundingClientRect().top`,
      );
      expect(top).toBeWithin(0, 900);
    });
  });

  test("wraps no state of 246 devices at any width", async () => {
    server.status = crowdedStatus;
    await at({}, async ({ page }) => {
      for (const width of [360, 480, 700, 768, 1024, 1280, 1600]) {
        await page.setViewportSize({ width, height: 900 });
        const broken = await page.evaluate(`
          const states = [...document.querySelectorAll(".card > .state")];
          const line = Math.min(...states.map((state) => state.offsetHeight));
          states.filter((state) => state.offsetHeight > line).map((state) => state.textContent);
        `);
        expect({ width, broken }).toEqual({ width, broken: [] });
      }
    });
  });

  test("has enough contrast in the light and in the dark scheme", async () => {
    for (const status of [busyStatus, crowdedStatus, hostileStatus]) {
      server.status = status;
      for (const options of [{}, dark]) {
        await at(options, async (opened) => {
          const found = (await opened.page.evaluate(contrast)) as { texts: number; poor: string[] };
          expect(found.poor).toEqual([]);
          expect(found.texts).toBeGreaterThan(50);
          if (options === dark) await shoot(opened, `dark-${status.name}`);
        });
      }
    }
  }, 30_000);
});
