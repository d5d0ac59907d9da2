import { errnoName, errnoNumber } from "./errno.ts";

/**
 * A system call's failure, as bare as the kernel gave it. Rooms that know what was attempted wrap it
 * into a `PluginError` with this as its `cause`.
 */
export class ErrnoError extends Error {
  override name = "ErrnoError";
  /** 16 for EBUSY; see errno(3). 0 if only a name unknown to `errno.ts` was there. */
  readonly errno: number;
  /** `EBUSY`; `errno 4711` for a number without a name. */
  readonly errnoName: string;
  /** The call that failed: `finit_module`, `ioctl`, … */
  readonly syscall: string;

  constructor(errno: number, syscall: string, name: string = errnoName(errno)) {
    super(`${syscall}: ${name}`);
    this.errno = errno;
    this.errnoName = name;
    this.syscall = syscall;
  }

  /**
   * Errors of `node:fs` as ErrnoError (they carry `code: "ENOENT"` and `syscall: "open"`), an ErrnoError
   * as it is, undefined for anything else.
   */
  static from(reason: unknown): ErrnoError | undefined {
    if (reason instanceof ErrnoError) return reason;
    if (!(reason instanceof Error) || !("code" in reason) || typeof reason.code !== "string") {
      return undefined;
    }
    if (!/^E[A-Z0-9]+$/.test(reason.code)) return undefined;
    const syscall =
      "syscall" in reason && typeof reason.syscall === "string" ? reason.syscall : "fs";
    return new ErrnoError(errnoNumber(reason.code) ?? 0, syscall, reason.code);
  }
}

/** The errno's name of anything thrown, undefined if it is no system call's failure. */
export function errnoNameOf(reason: unknown): string | undefined {
  return ErrnoError.from(reason)?.errnoName;
}
