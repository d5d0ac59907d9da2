import { hasFeedLabel } from "../../drivers/loopback/index.ts";
import { deviceId, feedNumber } from "../../v4l2/device-ids.ts";
import { type Check, checkNamed } from "./check.ts";
import type { Facts } from "./facts.ts";

/** Checks what ready cameras need beyond plain devices; undefined if none are wanted. */
export function examineReady(facts: Facts): Check | undefined {
  const { config, placeholder } = facts;
  if (!config.readyCameras) return undefined;
  const check = checkNamed("ready_cameras", "ready cameras");
  if (placeholder !== "") {
    return check.problem(
      placeholder.replace(/\.$/, ""),
      "Set READY_PLACEHOLDER to a PNG file that this process can read, to a colour or to test-card.",
    );
  }
  const taken = takenFeeds(facts);
  if (taken.length > 0) {
    return check.problem(
      `feeds need numbers that are taken: ${taken.join(", ")}`,
      "Choose numbers whose feeds, 128 above or below, are free, for instance: FIRST_DEVICE_NUMBER=40",
    );
  }
  const { width, height } = config.readySize;
  return check.ok(`${width}x${height} ${config.readyPixelFormat}, ${config.readyRate} a second`);
}

/** Devices that have the number of a feed and are none. */
function takenFeeds({ range, others }: Facts): string[] {
  const feeds = new Map(range.map(({ id, number }) => [feedNumber(number), id]));
  return others.flatMap((other) => {
    const camera = feeds.get(other.number);
    if (camera === undefined || (other.loopback && hasFeedLabel(other))) return [];
    return [`${deviceId(other.number)} "${other.name}", the feed's of ${camera}`];
  });
}
