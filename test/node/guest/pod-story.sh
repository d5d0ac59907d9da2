# shellcheck shell=bash disable=SC2154
# What only a pod can be asked: it has a network namespace of its own, as it is deployed without hostNetwork.

pod_has_its_network() {
  check "it has a network of its own" own_network
  check "it answers at its own address" answers_ready
  check "it hears the kernel's events there" hears_events
}
pod_pid() { ctr --namespace k8s.io tasks list | awk -v id="$(running container.name video-device-plugin)" '$1 == id { print $2 }'; }
own_network() {
  local own
  own=$(readlink "/proc/$(pod_pid)/ns/net") && [ -n "$own" ] && [ "$own" != "$(readlink /proc/self/ns/net)" ]
}
pod_address() { nsenter --target "$(pod_pid)" --net ip -o -4 address show dev eth0 | sed 's#.* inet \([0-9.]*\)/.*#\1#'; }
answers_ready() { eventually busybox wget -qO /dev/null "http://$(pod_address):8080/readyz"; }

# Nothing in /dev changes by these events, and the next look on the timer is up to 30 s away.
hears_events() {
  address=$(pod_address)
  heard remove && heard add && { ignored change || ignored change; }
}
# heard ACTION: the module's event makes the plugin look at its devices. An action that it doesn't care for doesn't.
heard() {
  local before
  before=$(looks)
  echo "$1" >/sys/module/v4l2loopback/uevent
  wait_for 10 looked_since "$before" || { echo "$1: none in 10 s"; return 1; }
}
ignored() { ! heard "$1"; }
looked_since() { [ "$(looks)" -gt "$1" ]; }
looks() { busybox wget -qO- "http://$address:8080/metrics" | sed -n 's/^video_device_plugin_inspection_duration_seconds_count[^ ]* //p'; }
