// Node loads this before the bot of deploy/examples/browser-bot (NODE_OPTIONS=--import …). It looks at the bot's page each
// second, and prints what the page shows as a line "watch: {…}". At SIGUSR2 the page lists its cameras, once.
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "/bot/node_modules/playwright-core/index.mjs";

const launch = chromium.launch.bind(chromium);
chromium.launch = async (options) => {
  const browser = await launch(options);
  const newPage = browser.newPage.bind(browser);
  browser.newPage = async (...rest) => {
    const page = await newPage(...rest);
    watch(page);
    process.on("SIGUSR2", async () =>
      console.log(
        `listed: ${await page.evaluate("meeting.cameras().then((all) => all.map(({ label }) => label).join())")}`,
      ),
    );
    return page;
  };
  return browser;
};

async function watch(page) {
  for (;;) {
    await sleep(1000);
    // The page may just be loading.
    const seen = await page.evaluate(look).catch(() => undefined);
    if (seen !== undefined) console.log(`watch: ${JSON.stringify(seen)}`);
  }
}

/**
 * Runs in the page. The track's state, how many frames and how many different pictures came, and the times in ms since the
 * epoch between which the picture stood still for more than a second. Undefined without a track.
 */
function look() {
  const video = document.querySelector("video");
  const track = video?.srcObject?.getVideoTracks()[0];
  if (track === undefined) return undefined;
  const seen = globalThis.watched ?? { frames: 0, pictures: 0, stills: [] };
  if (globalThis.watched === undefined) {
    globalThis.watched = seen;
    // Small, for an emulated CPU.
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    let last = "";
    let changed = Date.now();
    const onFrame = () => {
      video.requestVideoFrameCallback(onFrame);
      seen.frames++;
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      const picture = context.getImageData(0, 0, canvas.width, canvas.height).data.join();
      if (picture === last) return;
      last = picture;
      seen.pictures++;
      const now = Date.now();
      if (now - changed > 1000) seen.stills.push([changed, now]);
      changed = now;
    };
    video.requestVideoFrameCallback(onFrame);
  }
  return { state: track.readyState, ...seen };
}
