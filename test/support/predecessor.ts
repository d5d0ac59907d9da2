/**
 * What the plugin's predecessor, written in Go, loads the module with, a word for each argument of `insmod`. There is
 * no shell in between that would take the quotes off, and the kernel takes off the first and the last one of a
 * parameter only (lib/cmdline.c next_arg).
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

/** The labels that devices get by that, the first, those between, and the last. */
export const PREDECESSORS_LABELS = [
  'MeetingBot_WebCam"',
  '"MeetingBot_WebCam"',
  '"MeetingBot_WebCam',
] as const;
