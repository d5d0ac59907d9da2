/**
 * How long, in ms, a device may be held before it counts as in use, and the pause between two tries: udev opens
 * every new device for a moment (v4l_id).
 */
export const BUSY_PATIENCE_MS = 1000;
export const BUSY_PAUSE_MS = 50;
