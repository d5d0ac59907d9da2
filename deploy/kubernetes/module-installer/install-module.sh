#!/bin/sh
# Installs v4l2loopback for the running kernel of an Ubuntu or Debian host, from the host's own package sources. It
# changes nothing where the kernel has the module already, loads no module and never reboots. Runs in a container with
# the host's root directory in HOST_ROOT, as root, with the host's network.
#
#   HOST_ROOT             default /host
#   KERNEL                the kernel to install for; default: the running one
#   V4L2LOOPBACK_VERSION  the version of the package v4l2loopback-dkms, where that is installed; default: the archive's
#
# Exit code 0: the kernel has the module. 1: it can't be installed here, and the last line says why.
set -eu

host=${HOST_ROOT:-/host}
kernel=${KERNEL:-$(uname -r)}
pin=${V4L2LOOPBACK_VERSION:+=$V4L2LOOPBACK_VERSION}
# NFD reads this directory (https://kubernetes-sigs.github.io/node-feature-discovery/stable/usage/customization-guide).
features=$host/etc/kubernetes/node-feature-discovery/features.d

say() { echo "install-module: $*"; }
refuse() { say "$*" >&2; exit 1; }
on_host() { chroot "$host" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"; }

has() { on_host modinfo -k "$kernel" -F filename "$1" >/dev/null 2>&1; }
has_modules() { has videodev && has v4l2loopback; }
available() { on_host apt-cache show "$1" >/dev/null 2>&1; }
apt() {
  # Waits for the host's own updates, keeps changed configuration files, and restarts no service.
  on_host DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -q -y -o DPkg::Lock::Timeout=600 \
    -o Acquire::Retries=5 -o Dpkg::Options::=--force-confold "$@"
}
add() {
  say "installing $*"
  apt install --no-install-recommends "$@" || refuse "apt-get can't install $*; its messages are above"
}

install_on_ubuntu() {
  for package in "linux-modules-extra-$kernel" "linux-modules-v4l2loopback-$kernel"; do
    if has_modules; then return; fi
    if available "$package"; then add "$package"; fi
  done
  # The kernel's own modules are signed; what DKMS builds is signed with a key of this machine at best.
  has_modules || add "v4l2loopback-dkms$pin" "linux-headers-$kernel"
}

install_on_debian() {
  case $kernel in
    *-cloud-*) refuse "the kernel $kernel was built without video support: install linux-image-amd64 (or -arm64) and boot that" ;;
  esac
  add "v4l2loopback-dkms$pin" "linux-headers-$kernel"
}

# Without a signature that the firmware's or the machine's keys confirm, a kernel under Secure Boot refuses the module.
note_secure_boot() {
  state=$(on_host mokutil --sb-state 2>/dev/null) || return 0
  case $state in *enabled*) ;; *) return 0 ;; esac
  case $(on_host modinfo -k "$kernel" -F filename v4l2loopback) in
    */updates/dkms/*) say "Secure Boot is on and DKMS built the module: enroll this machine's key (docs/nodes.md, \"Signing\"), or the kernel refuses it" ;;
  esac
}

# Has NFD, where the cluster runs it, set the label by which the plugin chooses its nodes.
label() {
  mkdir -p "$features"
  echo "meeting-baas.io/v4l2loopback=true" >"$features/.video-device-plugin"
  mv "$features/.video-device-plugin" "$features/video-device-plugin"
}

[ -r "$host/etc/os-release" ] || refuse "there is no $host/etc/os-release: mount the host's root directory at $host"
# shellcheck disable=SC1091
distribution=$(. "$host/etc/os-release" && echo "${ID:-unknown} ${VERSION_ID:-}")
case $distribution in
  ubuntu* | debian*) ;;
  *) refuse "this host runs $distribution, and only Ubuntu and Debian are supported: docs/nodes.md has what to do instead" ;;
esac

rm -f "$features/video-device-plugin"
if has_modules; then
  say "$kernel has v4l2loopback already: nothing to install"
else
  say "$distribution with $kernel has no v4l2loopback"
  apt update || say "apt-get update failed; trying with the package lists that are there"
  case $distribution in
    ubuntu*) install_on_ubuntu ;;
    debian*) install_on_debian ;;
  esac
  has_modules || refuse "the packages are installed, but $kernel has no v4l2loopback: see /var/lib/dkms/v4l2loopback on the host"
  say "$kernel now has v4l2loopback: $(on_host modinfo -k "$kernel" -F filename v4l2loopback)"
fi
note_secure_boot
label
