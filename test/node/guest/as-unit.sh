# shellcheck shell=bash disable=SC2034,SC2154
# The plugin as a systemd service of the host, by deploy/systemd.
images=()
env_file=/etc/video-device-plugin/video-device-plugin.env

plugin_install() {
  mkdir -p "${env_file%/*}"
  printf '%s\n' MAX_DEVICES=2 V4L2_MAX_BUFFERS=8 >"$env_file"
  /story/systemd/install.sh --binary /story/video-device-plugin
}

plugin_upgrade() {
  ending=$(now_ms)
  /story/systemd/install.sh --binary /story/next/video-device-plugin
}

plugin() { video-device-plugin "$@"; }
plugin_log() { journalctl -b -u video-device-plugin -o cat --no-pager | grep '^{'; }
