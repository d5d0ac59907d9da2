import { setLogger } from "@grpc/grpc-js";

/**
 * Passes on what grpc-js has to say for itself, which else goes to the error output as it is. Errors that
 * matter are also thrown, so this is for those who search.
 */
export function onLibraryLog(tell: (message: string) => void): void {
  setLogger({ error: tell, info: tell, debug: tell });
}
