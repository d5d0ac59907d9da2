/** Equal for two templates that may give one path to two nodes of one pool. */
export function pathShape(template: string): string {
  return template
    .replaceAll("{id}", "video{n}")
    .replace(/(?:\d|\{(?:n|index)\})+/g, (run) => (run.includes("{") ? "0" : run));
}

/**
 * True if devices of two pools may have one path in a container. `{n}` stands for a number that one device of the node
 * has at most, `{name}` for an ID, and `{index}` for any number.
 */
export function pathsMeet(one: string, other: string): boolean {
  // What is unique on the node keeps equal templates apart, unless two numbers run into each other.
  if (one === other && /(?<!\})\{(n|name)\}(?!\{)/.test(one)) return false;
  return pathShape(one) === pathShape(other);
}
