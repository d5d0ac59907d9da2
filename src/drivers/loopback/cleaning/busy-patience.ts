import type { Polling } from "../../../common/poll-until.ts";

/**
 * How long a device may be held before it counts as in use, and the pause between two tries: udev opens every new
 * device for a moment (v4l_id).
 */
export const BUSY_PATIENCE: Polling = { patienceMs: 1000, pauseMs: 50 };
