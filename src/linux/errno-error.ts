/**
 * Names of the kernel's errors by number, as x86_64 and aarch64 have them: include/uapi/asm-generic/errno-base.h and
 * errno.h. Only alpha, mips, parisc and sparc have other numbers.
 */
const names: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  7: "E2BIG",
  8: "ENOEXEC",
  9: "EBADF",
  10: "ECHILD",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  15: "ENOTBLK",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  25: "ENOTTY",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  29: "ESPIPE",
  30: "EROFS",
  31: "EMLINK",
  32: "EPIPE",
  33: "EDOM",
  34: "ERANGE",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  39: "ENOTEMPTY",
  40: "ELOOP",
  61: "ENODATA",
  62: "ETIME",
  71: "EPROTO",
  74: "EBADMSG",
  75: "EOVERFLOW",
  84: "EILSEQ",
  95: "EOPNOTSUPP",
  105: "ENOBUFS",
  110: "ETIMEDOUT",
  114: "EALREADY",
  115: "EINPROGRESS",
  116: "ESTALE",
  122: "EDQUOT",
  125: "ECANCELED",
  126: "ENOKEY",
  127: "EKEYEXPIRED",
  128: "EKEYREVOKED",
  129: "EKEYREJECTED",
};

/** `EBUSY` for 16; `errno 4711` for a number without a name here. */
export function errnoName(errno: number): string {
  return names[errno] ?? `errno ${errno}`;
}

/** 16 for `EBUSY`; undefined for a name that isn't in the table. */
export function errnoNumber(name: string): number | undefined {
  const entry = Object.entries(names).find(([, known]) => known === name);
  return entry === undefined ? undefined : Number(entry[0]);
}

/**
 * A system call's failure, with nothing but what the kernel gave. Callers, which know what failed, make it the `cause`
 * of a `PluginError`.
 */
export class ErrnoError extends Error {
  override name = "ErrnoError";
  /** 16 for EBUSY; see errno(3). 0 for a name that isn't in the table above. */
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
   * Converts an error of `node:fs`, which has `code: "ENOENT"` and `syscall: "open"`; returns an ErrnoError as it is,
   * undefined for anything else.
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

/** The name of a thrown system call failure's errno; undefined for anything else. */
export function errnoNameOf(reason: unknown): string | undefined {
  return ErrnoError.from(reason)?.errnoName;
}
