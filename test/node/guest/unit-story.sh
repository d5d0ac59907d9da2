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
  check "the host is told to load the module" /story/systemd/install.sh --load-at-boot --binary /usr/local/bin/video-device-plugin
}
loaded_by_host() {
  plugin_log | grep -E '"(Starting|v4l2loopback is loaded)"'
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
