import { statSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import type { RegistrationReason, RegistrationStep } from "./registration.ts";

/**
 * Why the kubelet's socket isn't there for us, as far as its directory tells: `kubelet_directory_missing`,
 * `kubelet_directory_denied`, `kubelet_absent`, `kubelet_refusing`; undefined for any other reason.
 */
export function explainWait(
  reason: RegistrationReason,
  kubeletSocket: string,
): PluginError | undefined {
  const directory = dirname(kubeletSocket);
  if (reason === "kubelet_refusing") {
    return new PluginError("kubelet_refusing", `Nobody listens on ${kubeletSocket}.`, {
      remedy: "Start the kubelet (on the host: systemctl status kubelet); it may be starting.",
    });
  }
  if (reason !== "kubelet_absent") return undefined;
  try {
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) {
      return new PluginError("kubelet_directory_missing", `There is no directory ${directory}.`, {
        remedy: `Mount the host's ${directory} into the container, at the same path.`,
      });
    }
    statSync(kubeletSocket, { throwIfNoEntry: false });
  } catch (cause) {
    return new PluginError(
      "kubelet_directory_denied",
      `${kubeletSocket} can't be looked at: ${messageOf(cause)}.`,
      { cause, remedy: remedyForDenial(directory) },
    );
  }
  return new PluginError("kubelet_absent", `There is no ${kubeletSocket}.`, {
    remedy: `Start the kubelet (on the host: systemctl status kubelet); if it runs, mount the host's own ${directory} into the container.`,
  });
}

/** A failed step with what to do about it; the message is `message`, the remedy undefined if none is known. */
export function explainFailure(
  step: RegistrationStep["kind"],
  message: string,
  { kubeletSocket, socketPath }: { readonly kubeletSocket: string; readonly socketPath: string },
): PluginError {
  const directory = dirname(step === "listen" ? socketPath : kubeletSocket);
  return new PluginError(`${step}_failed`, message, remedyFor(message, directory));
}

/** Errors of system calls have lost all but their text when they come out of gRPC. */
function remedyFor(message: string, directory: string): { remedy?: string } {
  if (/\b(EACCES|EPERM)\b/.test(message)) return { remedy: remedyForDenial(directory) };
  if (/\bEROFS\b/.test(message)) return { remedy: `Mount ${directory} without readOnly: true.` };
  if (/\bENOENT\b/.test(message)) {
    return { remedy: `Mount the host's ${directory} into the container, at the same path.` };
  }
  if (/\b(ENOSPC|EDQUOT)\b/.test(message)) {
    return { remedy: `Free space on the file system of ${directory}.` };
  }
  return {};
}

function remedyForDenial(directory: string): string {
  return `Run as the owner of ${directory} (root, as the kubelet makes it) with its mode letting the owner write, or with CAP_DAC_OVERRIDE; under SELinux with the type container_device_plugin_t, or spc_t if privileged (ausearch -m avc shows what was denied).`;
}
