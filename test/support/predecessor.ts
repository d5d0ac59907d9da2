/**
 * The arguments of `insmod` in the plugin's predecessor, which is written in Go. No shell removes the quotes, and the
 * kernel removes only the first and the last one of a parameter (lib/cmdline.c next_arg).
 */
export function predecessorsParameters(devices: number): string[] {
  const each = (value: (index: number) => string | number) =>
    Array.from({ length: devices }, (_, index) => value(index)).join(",");
  return [
    `video_nr=${each((index) => 10 + index)}`,
    "max_buffers=2",
    `exclusive_caps=${each(() => 1)}`,
    `card_label=${each(() => '"MeetingBot_WebCam"')}`,
    `devices=${devices}`,
  ];
}

/** The resulting labels: of the first device, of those between, and of the last. */
export const PREDECESSORS_LABELS = [
  'MeetingBot_WebCam"',
  '"MeetingBot_WebCam"',
  '"MeetingBot_WebCam',
] as const;
