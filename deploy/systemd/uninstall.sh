#!/bin/sh
# Removes what install.sh has installed. Devices, and the pods that use them, are left alone.
set -eu

usage() {
  cat <<USAGE
Usage: uninstall.sh [options]

Stops and removes the service video-device-plugin and its executable. Configuration (/etc/video-device-plugin)
and state (/var/lib/video-device-plugin) stay, and so do the cameras: pods may be using them.

Options:
  --purge           Removes configuration and state, too.
  --remove-devices  Removes cameras that nobody has open, and unloads v4l2loopback if none is left.
  --help            Shows this text.
USAGE
}

die() { echo "uninstall.sh: $1" >&2; exit "${2:-1}"; }

purge=no devices=no
while [ $# -gt 0 ]; do
  case $1 in
    --purge) purge=yes ;;
    --remove-devices) devices=yes ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; die "unknown option $1" 64 ;;
  esac
  shift
done
[ "$(id -u)" = 0 ] || die "run it as root: sudo $0"

unit=/etc/systemd/system/video-device-plugin.service
if [ -e "$unit" ]; then
  systemctl --quiet disable --now video-device-plugin.service || true
  rm -f "$unit"
  systemctl daemon-reload
  echo "removed $unit"
fi
program=/usr/local/bin/video-device-plugin
if [ "$devices" = yes ] && [ -x "$program" ]; then
  for node in /sys/class/video4linux/video*; do
    # Only v4l2loopback's are virtual and have this attribute.
    [ -e "$node/max_openers" ] || continue
    "$program" devices remove "${node##*/}" || true
  done
  if rmmod v4l2loopback 2>/dev/null; then echo "unloaded v4l2loopback"; fi
fi
for file in "$program" /etc/modules-load.d/video-device-plugin.conf; do
  if [ -e "$file" ]; then rm -f "$file"; echo "removed $file"; fi
done
if [ "$purge" = yes ]; then
  rm -rf /etc/video-device-plugin /var/lib/video-device-plugin /etc/modprobe.d/video-device-plugin.conf
  echo "removed configuration and state"
fi
