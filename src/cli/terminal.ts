import { writeAllSync } from "../common/write-sync.ts";

/** Where a command's text goes. Texts bring their own line breaks. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

/** The process's own standard output and error, written before the call returns. */
export const systemTerminal: Terminal = {
  out: (text) => writeAllSync(1, text),
  err: (text) => writeAllSync(2, text),
};
