/** `video10`, `video11`, … */
export function deviceIds(count = 8, first = 10): string[] {
  return Array.from({ length: count }, (_, index) => `video${first + index}`);
}
