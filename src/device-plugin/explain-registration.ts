import { statSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import type { RegistrarStatus } from "./registrar.ts";
import type { RegistrationStep } from "./registration.ts";

/**
 * Explains a wait for the kubelet by the state of its socket's directory: `kubelet_directory_missing`,
 * `kubelet_directory_denied`, `kubelet_absent` or `kubelet_refusing`. Undefined for any other reason.
 */
export function explainWait(
  reason: RegistrarStatus["reason"],
  kubeletSocket: string,
): PluginError | undefined {
  const directory = dirname(kubeletSocket);
  if (reason === "kubelet_refusing") {
    return new PluginError("kubelet_refusing", `No process listens on ${kubeletSocket}.`, {
      remedy:
        "Start the kubelet (on the host: systemctl status kubelet), or wait if it is starting.",
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
      `${kubeletSocket} can't be accessed: ${messageOf(cause)}.`,
      { cause, remedy: remedyForDenial(directory) },
    );
  }
  return new PluginError("kubelet_absent", `There is no ${kubeletSocket}.`, {
    remedy: `Start the kubelet (on the host: systemctl status kubelet); if it runs, mount the host's own ${directory} into the container.`,
  });
}

/** Makes an error of a failed step, with a remedy where the message shows its cause. */
export function explainFailure(
  step: RegistrationStep["kind"],
  message: string,
  { kubeletSocket, socketPath }: { readonly kubeletSocket: string; readonly socketPath: string },
): PluginError {
  const directory = dirname(step === "listen" ? socketPath : kubeletSocket);
  return new PluginError(`${step}_failed`, message, remedyFor(message, directory));
}

/** The errno is read from the message: gRPC keeps nothing else of a system call's error. */
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
  return `Run as the owner of ${directory} (root, if the kubelet created it), whose mode must let its owner write, or with CAP_DAC_OVERRIDE; under SELinux with the type container_device_plugin_t, or spc_t if privileged (ausearch -m avc shows denied accesses).`;
}
