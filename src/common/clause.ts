/** A sentence without its full stop, for the middle of another one: ours go on, and so do the kubelet's. */
export function asClause(sentence: string): string {
  return sentence.replace(/\.$/, "");
}
