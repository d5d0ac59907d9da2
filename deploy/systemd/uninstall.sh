#!/bin/sh
# Removes what install.sh has installed. Devices, and the pods that use them, stay.
set -eu

usage() {
  cat <<USAGE
Usage: uninstall.sh [options]

Stops and removes the service video-device-plugin and its executable, and the files of --load-at-boot unless they
were changed. Configuration (/etc/video-device-plugin) and state (/var/lib/video-device-plugin) stay, and so do
the cameras, since pods may be using them.

Options:
  --purge           Also removes configuration and state, and the files of --load-at-boot even if changed.
  --remove-devices  Removes the configuration's cameras that are not in use, and unloads v4l2loopback if it has
                    none left. Before 0.13 all cameras are removed together, or none if one is in use.
  --root DIR        Removes below DIR, for example from an image of a node; stops no service.
  --help            Shows this text.
USAGE
}

die() { echo "uninstall.sh: $1" >&2; exit "${2:-1}"; }

here=$(cd "$(dirname "$0")" && pwd)
root='' purge=no devices=no
while [ $# -gt 0 ]; do
  case $1 in
    --purge) purge=yes ;;
    --remove-devices) devices=yes ;;
    --root)
      [ $# -ge 2 ] || die "$1 needs a value; see uninstall.sh --help" 64
      root=${2%/}
      shift ;;
    --root=*) root=${1#*=} root=${root%/} ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; die "unknown option $1" 64 ;;
  esac
  shift
done
[ -n "$root" ] || [ "$(id -u)" = 0 ] || die "run it as root: sudo $0"

program=/usr/local/bin/video-device-plugin
options=$root/etc/video-device-plugin/video-device-plugin.env

# option NAME DEFAULT: a number from the configuration.
option() {
  value=''
  if [ -e "$options" ]; then
    value=$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*[\"'\`]?0*([0-9]+).*/\2/p" "$options")
  fi
  echo "${value:-$2}"
}
# cameras: all of v4l2loopback's; no other driver's devices have this attribute.
cameras() {
  for node in "$root"/sys/class/video4linux/video*; do
    if [ -e "$node/max_openers" ]; then echo "${node##*/}"; fi
  done
}
remove_devices() {
  [ -e "$root/sys/module/v4l2loopback" ] || return 0
  tool=$root$program
  [ -x "$tool" ] || tool=$here/video-device-plugin
  if [ ! -x "$tool" ]; then
    echo "uninstall.sh: without $program the cameras in use are not known: all stay" >&2
    return 0
  fi
  first=$(option FIRST_DEVICE_NUMBER 10)
  last=$((first + $(option MAX_DEVICES 8) - 1))
  # rmmod checks only if a camera is open, not if it is allocated to a pod. Before 0.13, where no single camera can be
  # removed, this resets each of them, which fails for the same reasons as a removal.
  change=remove
  [ -e "$root/sys/class/misc/v4l2loopback" ] || change=reset
  set -- devices "$change"
  if [ -e "$options" ]; then set -- "$@" "--env-file=$options"; fi
  left=''
  for camera in $(cameras); do
    number=${camera#video}
    if [ "$number" -lt "$first" ] || [ "$number" -gt "$last" ] || ! "$tool" "$@" "$camera" >/dev/null; then
      left="$left $camera"
    elif [ "$change" = remove ]; then
      echo "removed $camera"
    fi
  done
  # Another program may have added one meanwhile.
  if [ "$change" = remove ]; then left=$(cameras); fi
  if [ -n "$left" ]; then
    # shellcheck disable=SC2086 # the names, one by one
    echo "v4l2loopback stays, with" $left
  elif rmmod v4l2loopback; then
    echo "unloaded v4l2loopback"
  fi
}

unit=/etc/systemd/system/video-device-plugin.service
if [ -e "$root$unit" ]; then
  [ -n "$root" ] || systemctl --quiet disable --now video-device-plugin.service || true
  rm -f "$root$unit" "$root/etc/systemd/system/multi-user.target.wants/video-device-plugin.service"
  [ -n "$root" ] || systemctl daemon-reload
  echo "removed $unit"
fi
if [ "$devices" = yes ]; then remove_devices; fi
if [ -e "$root$program" ]; then rm -f "$root$program"; echo "removed $program"; fi
for loading in modules-load modprobe; do
  file=/etc/$loading.d/video-device-plugin.conf
  [ -e "$root$file" ] || continue
  if [ "$purge" = yes ] || cmp -s "$here/modules-load/$loading.conf" "$root$file"; then
    rm -f "$root$file"
    echo "removed $file"
  else
    echo "kept $file: it was changed; --purge removes it"
  fi
done
if [ "$purge" = yes ]; then
  rm -rf "$root/etc/video-device-plugin" "$root/var/lib/video-device-plugin"
  echo "removed configuration and state"
fi
