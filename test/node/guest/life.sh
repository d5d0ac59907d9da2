# shellcheck shell=bash disable=SC2034,SC2154
# A node's life, the same for the plugin as a pod (as-pod.sh) and as a systemd service (as-unit.sh). Each name is a
# test of node.e2e.ts.

plugin_comes() {
  must "the plugin is installed" plugin_install
  must "two devices are allocatable" eventually allocatable_is 2
  check "any user may open the devices once udev is done" eventually open_to_all
}
devices_are_managed() {
  check "doctor finds nothing in the way" plugin doctor --max-devices 2
  check "and again after udev has given them its own mode" opened_again
}
open_to_all() { udevadm settle; [ "$(stat -c %a /dev/video10 /dev/video11 | sort -u)" = 666 ]; }
times_opened() { plugin_log | grep -c "Device node got its mode and group back"; }
opened_again() {
  local before
  before=$(times_opened)
  udevadm trigger --action=add --subsystem-match=video4linux --settle
  eventually more_often_opened "$before" && wait_for 20 open_to_all
}
more_often_opened() { [ "$(times_opened)" -gt "$1" ]; }

tenants_stream() {
  camera_pod carol
  camera_pod alice
  must "carol streams" eventually streams carol 5
  must "alice streams" eventually streams alice 5
}

kubelet_restarts() {
  local before after
  before=$(containers_of carol alice)
  systemctl restart kubelet
  must "the kubelet is restarted: two devices are allocatable" eventually allocatable_is 2
  check "the kubelet is restarted: frames go on" go_on carol alice
  after=$(containers_of carol alice)
  check "the kubelet is restarted: the containers are the same" [ "$before" = "$after" ]
}

plugin_is_upgraded() {
  local before after
  before=$(containers_of carol alice)
  old_start=$(logged Starting)
  must "the plugin is upgraded" plugin_upgrade
  must "the plugin is upgraded: it is another one" eventually another_started
  must "the plugin is upgraded: two devices are allocatable" eventually allocatable_is 2
  check "the plugin is upgraded: it knows whose the devices are" eventually owners_are carol alice
  check "the plugin is upgraded: frames go on" go_on carol alice
  after=$(containers_of carol alice)
  check "the plugin is upgraded: the containers are the same" [ "$before" = "$after" ]
  value "ms from start to registration" "$(($(logged "Registered with the kubelet") - $(logged Starting)))"
  value "ms from the order to upgrade to registration" "$(($(logged "Registered with the kubelet") - ending))"
  value "ms of video-device-plugin version" "$(version_ms)"
}
another_started() { [ "$(logged Starting)" -gt "$old_start" ]; }
# logged MESSAGE: when the plugin said so last, ms since the epoch.
logged() { date -d "$(plugin_log | grep "\"msg\":\"$1\"" | tail -n 1 | sed 's/^{"time":"\([^"]*\)".*/\1/')" +%s%3N; }
owners_are() {
  plugin status >/run/owners || return 1
  local name
  for name in "$@"; do grep -q "default/$name-vm-node" /run/owners || return 1; done
}
version_ms() {
  local start
  start=$(now_ms)
  /story/video-device-plugin version >/dev/null
  echo $(($(now_ms) - start))
}

next_tenant_comes() {
  local device
  device=$(device_of alice)
  rm "$manifests/alice.yaml"
  must "alice goes" eventually pod_gone alice
  camera_pod bob
  must "bob streams" eventually streams bob 5
  check "bob has alice's device" [ "$(device_of bob)" = "$device" ]
  check "bob finds nothing of alice" saw_nothing bob
  check "carol has not noticed" goes_on carol
}

# What was not admitted before there was a plugin stays refused, and a controller makes another pod.
node_is_back() {
  local name
  node_start
  must "after a reboot: two devices are allocatable" eventually allocatable_is 2
  for name in carol bob; do
    if refused "$name"; then
      value "$name after the reboot" "refused at admission, replaced"
      rm "$manifests/$name.yaml"
      camera_pod "$name-2"
    else
      value "$name after the reboot" "admitted"
    fi
  done
  tenants=
  for name in carol bob; do
    [ -e "$manifests/$name.yaml" ] || name=$name-2
    tenants="$tenants $name"
    must "after a reboot: ${name%-2} streams" eventually streams "$name" 5
    check "after a reboot: ${name%-2} finds nothing of before" saw_nothing "$name"
  done
}

no_complaints() {
  check "the plugin logs no error" says_no plugin_log '"level":"ERROR"'
  check "the kernel has no complaint" says_no dmesg 'WARNING:|BUG:|Oops|Call Trace'
}
# says_no COMMAND PATTERN: it says nothing of the kind.
says_no() { ! "$1" | grep -E "$2"; }
