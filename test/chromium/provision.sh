#!/usr/bin/env bash
# Prepares a Debian with Chromium as a disk image for the VMs of test/kernel: the browser, and the programs that write
# and read cameras. Made once in the cache. Prints the directory of test/kernel/provision.sh, beside which the disk
# is. Exit code 69 (EX_UNAVAILABLE) means that this machine can't do it, and the last line on stderr says why. With
# --check nothing is made.
#
#   provision.sh [VERSION... | all]     v4l2loopback versions, as test/kernel/provision.sh has them
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}
cache=$base/chromium
suite=bookworm

say() { echo "provision: $*" >&2; }
unavailable() { say "$*"; exit 69; }
quietly() {
  local log=$cache/last-step.log
  "$@" >"$log" 2>&1 || { local code=$?; tail -n 25 "$log" >&2; return "$code"; }
}

fingerprint() { sha256sum "$here/provision.sh" "$base/kernel/kernel/release" 2>/dev/null | cut -d' ' -f1 | sha256sum | cut -d' ' -f1; }
current() { [[ -e $cache/root.ext4 && $(cat "$cache/fingerprint" 2>/dev/null) == "$(fingerprint)" ]]; }

if [[ ${1:-} == --check ]]; then
  current || unavailable "no disk with Chromium in $cache; run test/chromium/provision.sh"
  echo "$cache"
  exit
fi
((EUID == 0)) || unavailable "needs root, to make a file system of Debian's packages"
"$here/../kernel/provision.sh" "$@" >/dev/null
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

install_missing() {
  local packages=() command package
  while read -r command package; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null || packages+=("$package")
  done <<-'LIST'
	debootstrap debootstrap
	mke2fs e2fsprogs
	LIST
  ((${#packages[@]})) || return 0
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { quietly apt-get -o Acquire::Retries=5 update &&
    quietly apt-get -o Acquire::Retries=5 install -y --no-install-recommends "${packages[@]}"; } ||
    unavailable "apt-get can't install ${packages[*]}"
}

# install_packages ROOT PACKAGE...: from the suite and its security archive, with the machine's own proxies.
install_packages() {
  local root=$1
  shift
  grep -E " $suite(-security)? main\$" "$base/kernel/apt/sources.list" >"$root/etc/apt/sources.list"
  apt-config dump Acquire | grep -iE "proxy|::check-" >"$root/etc/apt/apt.conf.d/99machine" || true
  quietly chroot "$root" apt-get -q -o Acquire::Retries=5 update &&
    quietly chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=5 \
      -o APT::Install-Recommends=false install -y "$@"
}

# Modules that the kernel needs before it has the disk, in the order in which they load.
provide_disk_modules() {
  local release all=$cache/all.new name
  release=$(<"$base/kernel/kernel/release")
  rm -rf "$all" "$cache/modules" && mkdir -p "$all/lib/modules" "$cache/modules"
  cp -a "$base/kernel/kernel/lib/modules/$release" "$all/lib/modules"
  quietly depmod -b "$all" "$release"
  for name in virtio_pci virtio_blk ext4; do
    modprobe -d "$all" -S "$release" --show-depends "$name" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' >"$cache/modules.list"
  xargs cp -t "$cache/modules" <"$cache/modules.list"
  sed 's#.*/##' "$cache/modules.list" >"$cache/modules/order"
  rm -rf "$all" "$cache/modules.list"
}

provide_root() {
  local root=$cache/root.new mirror
  mirror=$(sed -n 's/^deb \[[^]]*\] \([^ ]*\) '"$suite"' main$/\1/p' "$base/kernel/apt/sources.list" | head -n 1)
  say "making a Debian with Chromium (a minute)"
  rm -rf "$root"
  quietly debootstrap --variant=minbase "$suite" "$root" "${mirror:-http://deb.debian.org/debian}" ||
    unavailable "debootstrap failed: $(tail -n 1 "$cache/last-step.log")"
  install_packages "$root" chromium || unavailable "apt-get can't install chromium"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,icons,locale,man}
  mkdir -p "$root/opt/programs"
  cp -a "$base/kernel/programs/." "$root/opt/programs/"
  # In a pod that is not root: `app` without, `member` with the group of the devices.
  printf 'app:x:1000:1000::/tmp:/bin/sh\nmember:x:1001:1001::/tmp:/bin/sh\n' >>"$root/etc/passwd"
  printf 'app:x:1000:\nmember:x:1001:\n' >>"$root/etc/group"
  sed -i 's/^video:\(.*\):$/video:\1:member/' "$root/etc/group"
  printf '127.0.0.1 localhost vm-node\n' >"$root/etc/hosts"
  rm -f "$cache/root.ext4"
  quietly mke2fs -q -t ext4 -O ^has_journal -d "$root" "$cache/root.ext4.new" 2G
  rm -rf "$root"
  mv "$cache/root.ext4.new" "$cache/root.ext4"
}

install_missing
if ! current; then
  rm -f "$cache/fingerprint"
  provide_disk_modules
  provide_root
  fingerprint >"$cache/fingerprint"
fi
echo "$cache"
