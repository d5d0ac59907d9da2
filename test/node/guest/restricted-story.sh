# shellcheck shell=bash disable=SC2154
# What a plugin that only looks can't do, and what its warning is worth.

# On a node that is another's afterwards, as it was.
restricted_comes_first() {
  cp /story/pods/plugin-restricted.json "$manifests/"
  must "restricted: two devices are allocatable" eventually allocatable_is 2
  check "restricted: any user may open the devices once udev is done" open_to_all
  udev_takes_the_mode
  check "restricted: it leaves" restricted_leaves
}
restricted_leaves() {
  rm "$manifests/plugin-restricted.json" "$udev_rule" && udevadm control --reload &&
    eventually pod_gone video-device-plugin-restricted && rmmod v4l2loopback
}

udev_takes_the_mode() {
  value "modes that setup has restored" "$(grep -c "Device node got its mode and group back" /var/log/pods/kube-system_video-device-plugin-*/setup/*.log)"
  check "udev's own mode is reported, with a rule against it" mode_is_reported
  check "with that rule any user may open the devices" rule_helps
}
mode_is_reported() {
  udevadm trigger --action=add --subsystem-match=video4linux --settle
  eventually told_rule && told_rule
}
told_rule() { plugin_log | grep -o '"udev_rule":"\([^"\\]\|\\.\)*"' | tail -n 1 | sed 's/^[^:]*:"//; s/"$//; s/\\"/"/g' | grep .; }
udev_rule=/etc/udev/rules.d/90-video-device-plugin.rules
# As the warning's remedy says.
rule_helps() {
  told_rule >"$udev_rule"
  udevadm control --reload && udevadm trigger --subsystem-match=video4linux --settle && open_to_all || return 1
  udevadm trigger --action=add --subsystem-match=video4linux --settle
  open_to_all
}
