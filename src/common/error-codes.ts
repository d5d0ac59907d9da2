/**
 * What kind of failure an error is, from which each interface derives its own code.
 * - `not_found`: what was asked for does not exist.
 * - `invalid`: the request itself is wrong.
 * - `conflict`: the state of a device or file does not allow it now.
 * - `unsupported`: it can't be done on this node, or by this version.
 * - `exhausted`: a limit is reached.
 * - `timeout`: it took too long.
 * - `internal`: anything else.
 */
export type ErrorKind =
  | "not_found"
  | "invalid"
  | "conflict"
  | "unsupported"
  | "exhausted"
  | "timeout"
  | "internal";

/** Codes of the tools that a person runs: their errors, with remedies, go to a terminal and to no log. */
const toolErrors = {
  // no plugin that can answer
  plugin_unreachable: "internal",
  unimplemented: "internal",

  // `devices`
  device_exists: "internal",
  device_managed: "internal",
  module_not_loaded: "internal",

  // writing and reading frames
  dead_caps: "internal",
  format_not_supported: "internal",
  format_refused: "internal",
  frame_too_short: "internal",
  no_frames: "internal",
  picture_not_saved: "internal",
  read_not_supported: "internal",
  round_trip_failed: "internal",
  write_failed: "internal",
} as const satisfies Record<string, ErrorKind>;

/** The codes of {@link PluginError}, an interface to users: logs, metrics and the admin API have them. */
export const errorKinds = {
  // defects, and parts of the plugin that end
  ended: "internal",
  internal: "internal",
  unexpected: "internal",

  // options and the environment
  architecture_unsupported: "internal",
  card_label_invalid: "internal",
  ffi_unavailable: "internal",
  metrics_port_unusable: "internal",
  nul_in_string: "internal",
  out_of_resources: "internal",
  placeholder_unusable: "internal",
  simulated_dir_unusable: "internal",

  // the kernel module
  module_access_denied: "internal",
  module_blacklisted: "internal",
  module_busy: "internal",
  module_compression_unsupported: "internal",
  module_dependency_missing: "internal",
  module_file_corrupt: "internal",
  module_file_not_found: "internal",
  module_load_failed: "internal",
  module_not_permitted: "internal",
  module_parameter_rejected: "internal",
  module_signature_rejected: "internal",
  module_tree_not_found: "internal",
  module_unsafe: "internal",
  module_vetoed: "internal",
  module_wrong_kernel: "internal",
  modules_disabled: "internal",
  modules_unsupported: "internal",
  unload_failed: "internal",

  // a device: creating, opening, resetting, removing
  create_failed: "internal",
  device_busy: "conflict",
  device_dead_caps: "internal",
  device_faulty: "internal",
  device_foreign: "internal",
  device_hangs: "conflict",
  device_missing: "internal",
  device_module_gone: "internal",
  device_not_found: "internal",
  device_not_permitted: "internal",
  device_not_ready: "internal",
  device_number_taken: "internal",
  device_numbers_exhausted: "internal",
  device_open_failed: "internal",
  device_wrong_driver: "internal",
  device_wrong_number: "internal",
  node_access_failed: "internal",
  node_not_changed: "internal",
  not_a_camera: "internal",
  not_managed: "internal",
  not_supported: "unsupported",
  remove_failed: "internal",
  reset_failed: "internal",
  sysfs_unreadable: "internal",
  timed_out: "timeout",
  too_many_devices: "internal",

  // who may have a device
  device_held: "conflict",
  device_in_use: "conflict",
  device_unhealthy: "conflict",
  device_unknown: "not_found",
  use_unknown: "conflict",

  // the kubelet
  cdi_not_written: "internal",
  close_failed: "internal",
  kubelet_absent: "internal",
  kubelet_directory_deleted: "internal",
  kubelet_directory_denied: "internal",
  kubelet_directory_missing: "internal",
  kubelet_directory_read_only: "internal",
  kubelet_refusing: "internal",
  listen_failed: "internal",
  pod_resources_absent: "internal",
  pod_resources_busy: "internal",
  pod_resources_failed: "internal",
  pod_resources_too_large: "internal",
  register_failed: "internal",
  standby: "conflict",
  surplus_not_listed: "internal",

  // the admin API, and the files in STATE_DIR
  admin_socket_in_use: "internal",
  admin_socket_unusable: "internal",
  cameras_not_kept: "internal",
  cameras_unreadable: "internal",
  cdi_not_kept: "internal",
  cdi_unreadable: "internal",
  cordon_not_kept: "conflict",
  cordons_damaged: "internal",
  cordons_unreadable: "internal",
  device_id_missing: "invalid",
  log_level_unspecified: "invalid",
  method_unknown: "unsupported",
  note_too_long: "invalid",
  pod_numbers_not_kept: "internal",
  pod_numbers_unreadable: "internal",
  request_invalid: "invalid",
  too_many_watches: "exhausted",

  ...toolErrors,
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** True if only the tools make such an error. */
export function isToolError(code: string): boolean {
  return code in toolErrors;
}
