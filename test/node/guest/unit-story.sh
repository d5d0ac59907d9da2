# shellcheck shell=bash disable=SC2154
# What only a systemd service can be asked.

unit_is_right() {
  check "systemctl status says active" systemctl --no-pager status video-device-plugin
  check "systemd has nothing against the unit" systemd-analyze verify /etc/systemd/system/video-device-plugin.service
  value "systemd-analyze security" "$(systemd-analyze --no-pager security video-device-plugin.service | tail -n 1)"
  check "installing it again changes nothing" install_again
}
install_again() {
  local before
  before=$(systemctl show -P MainPID video-device-plugin)
  /story/systemd/install.sh --binary /usr/local/bin/video-device-plugin >/run/again || return 1
  cat /run/again
  ! grep -q installed /run/again && [ "$(systemctl show -P MainPID video-device-plugin)" = "$before" ]
}

# Before 0.13 all devices come with the load, so the host has to know them.
load_at_boot() {
  if [ "$module_version" = 0.12.7 ]; then
    echo "options v4l2loopback video_nr=10,11 exclusive_caps=1,1 max_buffers=8 card_label=MeetingBot_WebCam,MeetingBot_WebCam" \
      >/etc/modprobe.d/video-device-plugin.conf
  fi
  check "the host is configured to load the module" /story/systemd/install.sh --load-at-boot --binary /usr/local/bin/video-device-plugin
}
loaded_by_host() {
  plugin_log | grep -E '"(Starting|Module v4l2loopback loaded)"'
  journalctl -b --no-pager -o cat -u systemd-modules-load | grep "Inserted module 'v4l2loopback'" &&
    ! plugin_log | grep -q '"loaded_by":"plugin"'
}

it_is_removed() {
  check "uninstalling works" /story/systemd/uninstall.sh
  check "nothing of the service is left" nothing_left
  check "it is uninstalled: frames go on" go_on "$@"
}
nothing_left() {
  ! systemctl cat video-device-plugin && [ ! -e /usr/local/bin/video-device-plugin ] &&
    [ "$(stat -c %a /dev/video10 /dev/video11 | sort -u)" = 666 ]
}

# Bad options end the program after systemd has called the service active.
bad_options_are_reported() {
  cp "$env_file" /run/good.env
  echo MAX_DEVICES=none >"$env_file"
  check "installing it with bad options fails, and shows which" install_refused
  cp /run/good.env "$env_file"
  must "installing it with good options works" install_next
}
install_next() { /story/systemd/install.sh --binary /story/next/video-device-plugin; }
install_refused() {
  if install_next >/run/refused 2>&1; then
    cat /run/refused
    return 1
  fi
  cat /run/refused
  grep -q MAX_DEVICES /run/refused && ! grep -q "is running" /run/refused
}

# devices_go POD...: the pods' cameras stay theirs although they are closed, and go when the pods have.
devices_go() {
  local name
  cameras=
  for name in "$@"; do cameras="$cameras $(device_of "$name")"; done
  must "the pods close their cameras" cameras_closed
  check "uninstalling with --remove-devices works" remove_devices
  check "uninstalled with --remove-devices: closed cameras of pods are the same" cameras_unchanged
  for name in "$@"; do rm "$manifests/$name.yaml"; done
  must "the pods go" eventually pods_gone "$@"
  must "installing it once more works" install_next
  check "uninstalling with --remove-devices works once more" remove_devices
  check "the pods are gone: so are cameras and module" eventually no_cameras
}
# What streams ends, while the container goes on and has its camera.
cameras_closed() {
  pkill -f /opt/programs/usr/bin/ffmpeg
  pkill -x frame-numbers
  eventually nobody_has_open && identities >/run/cameras
}
nobody_has_open() { [ -z "$(find /proc/[0-9]*/fd -lname '*/video1[01]' 2>/dev/null)" ]; }
# shellcheck disable=SC2086 # paths, one by one
identities() { stat -c '%n %i %t:%T' $cameras; }
cameras_unchanged() { identities | diff /run/cameras -; }
remove_devices() { /story/systemd/uninstall.sh --remove-devices; }
pods_gone() {
  local name
  for name in "$@"; do pod_gone "$name" || return 1; done
}
no_cameras() { [ ! -e /sys/module/v4l2loopback ] && [ ! -e /dev/video10 ]; }
