/** What a kubelet can be made to do wrong, set before or while it runs. */
export interface KubeletFaults {
  /** Register is received and never answered. */
  holdRegister: boolean;
  /** Register is refused with this message. */
  refuseRegister: string | undefined;
  /** The dial-back begins this many ms late. */
  dialDelayMs: number;
  /** ListAndWatch is not called after a registration that otherwise succeeds. */
  omitListAndWatch: boolean;
  /** So many more connections a registration: each asks for the options, then stays open unused. */
  extraConnections: number;
  /** So many more ListAndWatch streams a registration, on the same connection, read and dropped. */
  extraStreams: number;
}

/** A kubelet that does nothing wrong. */
export function noFaults(): KubeletFaults {
  return {
    holdRegister: false,
    refuseRegister: undefined,
    dialDelayMs: 0,
    omitListAndWatch: false,
    extraConnections: 0,
    extraStreams: 0,
  };
}
