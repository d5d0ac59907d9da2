#!/bin/sh
# Removes what install.sh has installed. Devices, and the pods that use them, are left alone.
set -eu

usage() {
  cat <<USAGE
Usage: uninstall.sh [options]

Stops and removes the service video-device-plugin and its executable. Configuration (/etc/video-device-plugin)
and state (/var/lib/video-device-plugin) stay, and so do the cameras: pods may be using them. What --load-at-boot
has installed goes, unless somebody has changed it.

Options:
  --purge           Removes configuration and state, too, and how the host loads v4l2loopback, changed or not.
  --remove-devices  Removes those cameras of the configuration that no pod has and nobody has open, and unloads
                    v4l2loopback if it has none left. Before 0.13 they go all together, if all may go, or not at all.
  --root DIR        Removes below DIR, e.g. from an image of a node; stops nothing.
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

# option NAME DEFAULT: a number that the configuration has.
option() {
  given=''
  if [ -e "$options" ]; then
    given=$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*[\"'\`]?0*([0-9]+).*/\2/p" "$options")
  fi
  echo "${given:-$2}"
}
# cameras: all that v4l2loopback has, whoever made them; no other driver's have this attribute.
cameras() {
  for node in "$root"/sys/class/video4linux/video*; do
    if [ -e "$node/max_openers" ]; then echo "${node##*/}"; fi
  done
}
remove_devices() {
  [ -e "$root/sys/module/v4l2loopback" ] || return 0
  asked=$root$program
  [ -x "$asked" ] || asked=$here/video-device-plugin
  if [ ! -x "$asked" ]; then
    echo "uninstall.sh: there is no $program to tell who has which camera: all stay" >&2
    return 0
  fi
  first=$(option FIRST_DEVICE_NUMBER 10)
  last=$((first + $(option MAX_DEVICES 8) - 1))
  # rmmod asks only whether a camera is open, not whether a pod has it. So before 0.13, where no camera can be removed,
  # each is reset, which is refused for the same reasons.
  change=remove
  [ -e "$root/sys/class/misc/v4l2loopback" ] || change=reset
  set -- devices "$change"
  if [ -e "$options" ]; then set -- "$@" "--env-file=$options"; fi
  left=''
  for camera in $(cameras); do
    number=${camera#video}
    if [ "$number" -lt "$first" ] || [ "$number" -gt "$last" ] || ! "$asked" "$@" "$camera" >/dev/null; then
      left="$left $camera"
    elif [ "$change" = remove ]; then
      echo "removed $camera"
    fi
  done
  # Somebody may have added one meanwhile.
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
    echo "kept $file: it is not as install.sh wrote it; --purge removes it"
  fi
done
if [ "$purge" = yes ]; then
  rm -rf "$root/etc/video-device-plugin" "$root/var/lib/video-device-plugin"
  echo "removed configuration and state"
fi
