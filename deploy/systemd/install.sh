#!/bin/sh
# Installs the Video Device Plugin as a systemd service on this node, or updates it. Run it as often as you like: it
# changes only what differs, and keeps your configuration.
set -eu

usage() {
  cat <<USAGE
Usage: install.sh [options]

Installs the executable as /usr/local/bin/video-device-plugin and the service video-device-plugin, and starts it.
Running pods keep their cameras during an update.

Options:
  --binary FILE     The executable (default: video-device-plugin beside this script, or dist/ of the sources).
  --load-at-boot    Configures the host to load v4l2loopback at boot (modules-load.d, modprobe.d).
  --no-start        Installs only; a running instance keeps running.
  --root DIR        Installs below DIR, for example in an image of a node; starts no service.
  --help            Shows this text.
USAGE
}

die() { echo "install.sh: $1" >&2; exit "${2:-1}"; }

here=$(cd "$(dirname "$0")" && pwd)
binary='' root='' start=yes load=no
while [ $# -gt 0 ]; do
  case $1 in
    --binary | --root)
      [ $# -ge 2 ] || die "$1 needs a value; see install.sh --help" 64
      case $1 in --binary) binary=$2 ;; --root) root=${2%/} start=no ;; esac
      shift ;;
    --binary=*) binary=${1#*=} ;;
    --root=*) root=${1#*=} root=${root%/} start=no ;;
    --load-at-boot) load=yes ;;
    --no-start) start=no ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; die "unknown option $1" 64 ;;
  esac
  shift
done

if [ -z "$binary" ]; then
  for candidate in "$here/video-device-plugin" "$here/../../dist/video-device-plugin"; do
    if [ -f "$candidate" ]; then binary=$candidate; break; fi
  done
fi
[ -n "$binary" ] || die "there is no executable beside this script; name one with --binary"
[ -f "$binary" ] || die "there is no file $binary"
# Bun's runtime for x86-64 needs these, and ends with SIGILL (exit code 132) where they are missing.
if [ -z "$root" ] && [ "$(uname -m)" = x86_64 ]; then
  for flag in sse4_2 popcnt; do
    grep -qw "$flag" /proc/cpuinfo || die "this CPU has no $flag: the executable needs x86-64-v2 (Intel since 2008, AMD \
since 2011). In a virtual machine, choose a CPU model that has it, such as host or x86-64-v2-AES"
  done
fi
[ -n "$root" ] || [ "$(id -u)" = 0 ] || die "run it as root: sudo $0"
[ -n "$root" ] || [ -d /run/systemd/system ] || die "this host was not booted with systemd"
# First check that the executable runs here (architecture, glibc).
if [ -z "$root" ]; then
  version=$("$binary" version 2>&1) || die "$binary does not run on this host: $version"
fi

changed=no
# put MODE SOURCE TARGET: renames, since a running executable can't be written to.
put() {
  if cmp -s "$2" "$root$3"; then return 0; fi
  mkdir -p "$(dirname "$root$3")"
  cp "$2" "$root$3.new"
  chmod "$1" "$root$3.new"
  mv -f "$root$3.new" "$root$3"
  echo "installed $3"
  changed=yes
}
# keep MODE SOURCE TARGET: an existing configuration stays.
keep() {
  if [ -e "$root$3" ]; then return 0; fi
  put "$@"
}

put 0755 "$binary" /usr/local/bin/video-device-plugin
put 0644 "$here/video-device-plugin.service" /etc/systemd/system/video-device-plugin.service
keep 0600 "$here/video-device-plugin.env" /etc/video-device-plugin/video-device-plugin.env
if [ "$load" = yes ]; then
  keep 0644 "$here/modules-load/modules-load.conf" /etc/modules-load.d/video-device-plugin.conf
  keep 0644 "$here/modules-load/modprobe.conf" /etc/modprobe.d/video-device-plugin.conf
fi

if [ -n "$root" ]; then
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -sf /etc/systemd/system/video-device-plugin.service \
    "$root/etc/systemd/system/multi-user.target.wants/video-device-plugin.service"
  exit 0
fi
systemctl daemon-reload
systemctl --quiet enable video-device-plugin.service
[ "$start" = yes ] || exit 0
# A failure of these is reported below, with the log.
if [ "$changed" = yes ]; then systemctl restart video-device-plugin.service || true
else systemctl start video-device-plugin.service || true; fi
runs() { systemctl --quiet is-active video-device-plugin.service; }
# systemd calls it active as soon as it is executed, even if its options are invalid. Once its socket exists (systemd
# creates the directory again at each start), the options are valid; if they move the socket, this waits 10 s.
tries=0
while runs && [ ! -S /run/video-device-plugin/admin.sock ] && [ "$tries" -lt 50 ]; do
  sleep 0.2
  tries=$((tries + 1))
done
runs || {
  journalctl --no-pager -u video-device-plugin.service -n 10 -o cat >&2 || true
  die "the service did not start; journalctl -u video-device-plugin shows why"
}
echo "$version is running; to check this node: video-device-plugin doctor"
