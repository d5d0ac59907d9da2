#!/usr/bin/env bash
# Prepares what a whole node in a VM is made of: a Debian with systemd and containerd as a disk image, Debian's
# kernel with the real v4l2loopback (as for the tests on a real kernel), the real kubelet, and programs for
# the pods. Made once in the cache. Prints the directory. Exit code 69 (EX_UNAVAILABLE) means that this
# machine can't do it, and the last line on stderr says why. With --check nothing is made.
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}
cache=$base/node
versions=(0.12.7 0.15.4)
suite=bookworm

say() { echo "provision: $*" >&2; }
unavailable() { say "$*"; exit 69; }
quietly() {
  local log=$cache/last-step.log
  "$@" >"$log" 2>&1 || { local code=$?; tail -n 25 "$log" >&2; return "$code"; }
}

fingerprint() {
  cat "$here/provision.sh" "$here/frame-numbers.c" "$base/kernel/kernel/release" "$base/kubelet-1.33.4/fingerprint" \
    <(cd "$here/guest/root" && find . -type f -print0 | sort -z | xargs -0 sha256sum) 2>/dev/null | sha256sum | cut -d' ' -f1
}
current() { [[ -e $cache/root.ext4 && $(cat "$cache/fingerprint" 2>/dev/null) == "$(fingerprint)" ]]; }

if [[ ${1:-} == --check ]]; then
  current || unavailable "no node to boot in $cache; run test/node/provision.sh"
  echo "$cache"
  exit
fi
((EUID == 0)) || unavailable "needs root, to make a file system of Debian's packages"
"$here/../kernel/provision.sh" "${versions[@]}" >/dev/null
[[ -x $base/kubelet-1.33.4/kubelet ]] || "$here/../kubelet/provision.sh"
"$here/../image/provision.sh"
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

# What the kernel needs before it has a disk, and what containers need: in the order in which they load.
early=(virtio_pci virtio_blk ext4)
late=(overlay autofs4 dummy nf_conntrack veth)

# provide_modules RELEASE: the tree that the node's /lib/modules is, without v4l2loopback.
provide_modules() {
  local release=$1 source=$base/kernel/kernel all=$cache/all.new tree=$cache/modules.new name file
  rm -rf "$all" "$tree" && mkdir -p "$all/lib/modules" "$tree/lib/modules"
  cp -a "$source/lib/modules/$release" "$all/lib/modules"
  quietly depmod -b "$all" "$release"
  cp -a "$base/kernel/trees/none/lib/modules/$release" "$tree/lib/modules"
  for name in "${early[@]}" "${late[@]}"; do
    modprobe -d "$all" -S "$release" --show-depends "$name" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' | while read -r file; do
    install -D -m 644 "$file" "$tree/lib/modules/$release/${file#*"/modules/$release/"}"
  done
  quietly depmod -b "$tree" "$release"
  # For the initramfs: their names in the order of loading.
  for name in "${early[@]}"; do
    modprobe -d "$all" -S "$release" --show-depends "$name" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' | sed "s#.*/modules/$release/##" >"$cache/early-modules"
  rm -rf "$all" "$cache/modules"
  mv "$tree" "$cache/modules"
}

provide_root() {
  local root=$cache/root.new mirror
  mirror=$(sed -n 's/^deb \[[^]]*\] \([^ ]*\) '"$suite"' main$/\1/p' "$base/kernel/apt/sources.list" 2>/dev/null | head -n 1)
  say "making a Debian of packages (a minute)"
  rm -rf "$root"
  quietly debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,udev,kmod,containerd,runc,containernetworking-plugins,iproute2,procps,mount,ca-certificates \
    "$suite" "$root" "${mirror:-http://deb.debian.org/debian}" || unavailable "debootstrap failed: $(tail -n 1 "$cache/last-step.log")"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,locale,man}
  cp -a "$cache/modules/lib/modules" "$root/usr/lib/"
  install -m 755 "$base/kubelet-1.33.4/kubelet" "$root/usr/local/bin/kubelet"
  mkdir -p "$root/opt/programs"
  cp -a "$base/kernel/programs/." "$root/opt/programs/"
  install -m 755 "$base/kernel/v4l2-tool" "$base/kernel/kernel/bin/busybox" "$cache/frame-numbers" "$root/usr/local/bin/"
  sed -i 's/^root:[^:]*:/root::/' "$root/etc/shadow"
  echo vm-node >"$root/etc/hostname"
  printf '127.0.0.1 localhost vm-node\n' >"$root/etc/hosts"
  : >"$root/etc/machine-id"
  cp -a "$here/guest/root/." "$root/"
  mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
  ln -sf /etc/systemd/system/story-disk.service "$root/etc/systemd/system/sysinit.target.wants/"
  for unit in kubelet.service story.service; do
    ln -sf "/etc/systemd/system/$unit" "$root/etc/systemd/system/multi-user.target.wants/$unit"
  done
  # What waits for nothing here and costs an emulated CPU seconds.
  for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service getty@tty1.service \
    systemd-timesyncd.service fstrim.timer dpkg-db-backup.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  rm -f "$cache/root.ext4"
  quietly mke2fs -q -t ext4 -L root -d "$root" "$cache/root.ext4.new" 6G
  rm -rf "$root"
  mv "$cache/root.ext4.new" "$cache/root.ext4"
}

install_missing
if ! current; then
  rm -f "$cache/fingerprint"
  gcc-12 -static -O2 -Wall -Wextra -Werror -o "$cache/frame-numbers" "$here/frame-numbers.c"
  provide_modules "$(<"$base/kernel/kernel/release")"
  provide_root
  fingerprint >"$cache/fingerprint"
fi
echo "$cache"
