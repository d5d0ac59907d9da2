/** Exit codes, after sysexits.h where it has one. */
export const exitCode = {
  ok: 0,
  failure: 1,
  /** No plugin answers on this node. */
  unreachable: 2,
  /** EX_USAGE: no such command, or arguments that it doesn't take. */
  usage: 64,
  /** EX_CONFIG: an option's value is not allowed, or there is no such option. */
  config: 78,
} as const;
