#!/usr/bin/env bash
# Makes this machine able to run the level 3 tests: containerd, runc, CNI plugins and a static busybox from the
# distribution, and a kubelet built from its published module. Idempotent; needs root only to install.
# Nothing is started and nothing outside the package manager's domain and the cache is written.
#
#   provision.sh            all of that
#   provision.sh packages   what containers need, and no kubelet
set -euo pipefail

version=1.33.4
minor=33
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/kubelet-${version}

say() { printf 'provision: %s\n' "$*" >&2; }

# Debian's packages start their service when installed. A policy that says no is the documented way
# to prevent it (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt); one that
# is already there is left alone.
install_packages() {
  local policy=/usr/sbin/policy-rc.d ours=no status=0
  if [[ $(id -u) != 0 ]]; then
    say "missing: $*; run as root, or: apt-get install $*"
    return 1
  fi
  if ! command -v apt-get >/dev/null; then
    say "missing: $*; only apt is known here, install them by other means"
    return 1
  fi
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
    ours=yes
  fi
  {
    apt-get -o Acquire::Retries=5 -qq update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 \
        -qq install --yes --no-install-recommends "$@" >&2
  } || status=$?
  if [[ $ours == yes ]]; then rm -f "$policy"; fi
  return "$status"
}

# Asked by command, not by package: a machine with Docker has another vendor's containerd package,
# which is as good and conflicts with the distribution's.
missing_packages() {
  PATH=$PATH:/usr/sbin:/sbin
  command -v containerd >/dev/null && command -v ctr >/dev/null || echo containerd
  command -v runc >/dev/null || echo runc
  has_cni_plugins || echo containernetworking-plugins
  file_is_static /bin/busybox || file_is_static /usr/bin/busybox || echo busybox-static
}

# Where pod-network.ts looks.
has_cni_plugins() {
  local directory
  for directory in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
    [[ -x $directory/ptp && -x $directory/host-local && -x $directory/loopback ]] && return
  done
  return 1
}

# The image holds this one file and no libraries. A dynamic program names its loader in the first page
# (a static one may name it too, further on, for dlopen).
file_is_static() { [[ -x $1 ]] && ! head -c 4096 "$1" | grep -aq 'ld-linux\|ld-musl'; }

# The inputs of the build; the compiler's version is left out so that updates do not cost minutes.
fingerprint() { cat "$here/go.mod" "$here/go.sum" "$here/main.go" "$here/provision.sh" | sha256sum | cut -d' ' -f1; }

build_kubelet() {
  local stamp=k8s.io/component-base/version
  command -v go >/dev/null || { say "missing: go 1.24 or newer"; return 1; }
  say "building kubelet ${version} (minutes when Go's cache is cold)"
  # No cgo: nothing on this path needs it, and there is no C compiler to wait for.
  (cd "$here" && CGO_ENABLED=0 GOWORK=off GOFLAGS= go build -mod=readonly -trimpath -buildvcs=false \
    -tags grpcnotrace,netgo,osusergo \
    -ldflags "-s -w -X ${stamp}.gitVersion=v${version} -X ${stamp}.gitMajor=${version%%.*} -X ${stamp}.gitMinor=${minor}" \
    -o "$cache/kubelet.new" .)
  mv "$cache/kubelet.new" "$cache/kubelet"
  fingerprint >"$cache/fingerprint"
}

mapfile -t packages < <(missing_packages)
if ((${#packages[@]})); then
  say "installing ${packages[*]}"
  install_packages "${packages[@]}"
fi

if [[ ${1:-} == packages ]]; then exit; fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [[ -x $cache/kubelet && $(cat "$cache/fingerprint" 2>/dev/null) == "$(fingerprint)" ]]; then
  say "kubelet ${version} is built already"
else
  build_kubelet
fi
say "$("$cache/kubelet" --version): $cache/kubelet"
