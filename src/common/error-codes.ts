/** Codes of the tools that a person runs: their errors, with remedies, go to a terminal and to no log. */
export const toolErrorCodes = [
  // no plugin that can answer
  "plugin_unreachable",
  "unimplemented",

  // `devices`
  "device_exists",
  "device_managed",
  "module_not_loaded",

  // writing and reading frames
  "dead_caps",
  "format_not_supported",
  "format_refused",
  "frame_too_short",
  "no_frames",
  "picture_not_saved",
  "read_not_supported",
  "round_trip_failed",
  "write_failed",
] as const;

/** The codes of {@link PluginError}, an interface to users: logs, metrics and the admin API have them. */
export const errorCodes = [
  // defects, and parts of the plugin that end
  "ended",
  "internal",
  "unexpected",

  // options and the environment
  "architecture_unsupported",
  "card_label_invalid",
  "ffi_unavailable",
  "metrics_port_unusable",
  "nul_in_string",
  "out_of_resources",
  "simulated_dir_unusable",

  // the kernel module
  "module_access_denied",
  "module_blacklisted",
  "module_busy",
  "module_compression_unsupported",
  "module_dependency_missing",
  "module_file_corrupt",
  "module_file_not_found",
  "module_load_failed",
  "module_not_permitted",
  "module_parameter_rejected",
  "module_signature_rejected",
  "module_tree_not_found",
  "module_vetoed",
  "module_wrong_kernel",
  "modules_disabled",
  "modules_unsupported",
  "unload_failed",

  // a device: creating, opening, resetting, removing
  "create_failed",
  "device_busy",
  "device_dead_caps",
  "device_faulty",
  "device_foreign",
  "device_hangs",
  "device_missing",
  "device_module_gone",
  "device_not_found",
  "device_not_permitted",
  "device_number_taken",
  "device_numbers_exhausted",
  "device_open_failed",
  "device_wrong_driver",
  "device_wrong_number",
  "node_access_failed",
  "node_not_changed",
  "not_a_camera",
  "not_managed",
  "not_supported",
  "remove_failed",
  "reset_failed",
  "sysfs_unreadable",
  "timed_out",
  "too_many_devices",

  // who may have a device
  "device_held",
  "device_in_use",
  "device_unhealthy",
  "device_unknown",
  "use_unknown",

  // the kubelet
  "close_failed",
  "kubelet_absent",
  "kubelet_directory_denied",
  "kubelet_directory_missing",
  "kubelet_refusing",
  "listen_failed",
  "pod_resources_absent",
  "pod_resources_busy",
  "pod_resources_failed",
  "register_failed",

  // the admin API, and cordons
  "admin_socket_in_use",
  "admin_socket_unusable",
  "cordon_not_kept",
  "cordons_damaged",
  "cordons_unreadable",
  "device_id_missing",
  "log_level_unspecified",
  "method_unknown",
  "note_too_long",
  "request_invalid",
  "too_many_watches",

  ...toolErrorCodes,
] as const;

export type ErrorCode = (typeof errorCodes)[number];
