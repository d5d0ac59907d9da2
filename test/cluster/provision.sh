#!/usr/bin/env bash
# Makes this machine able to run a whole cluster as plain processes: etcd, the control plane and a node of Kubernetes
# 1.37, kubectl, containerd 2 and an OCI registry, all built from their published modules. It calls the provisioning of
# the kubelet's tests (runc, CNI plugins, busybox), of the image and of the manifests (helm). Idempotent; needs Go and apt.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/cluster
version=1.37.2

say() { printf 'provision: %s\n' "$*" >&2; }

command -v go >/dev/null || { say "missing: go 1.26 or newer"; exit 1; }
for part in image manifests; do "$here/../$part/provision.sh"; done
# Only the packages: the kubelet of those tests is not this cluster's.
"$here/../kubelet/provision.sh" packages

mkdir -p "$cache/bin"
exec 9>"$cache/lock"
flock 9

# The inputs of a program's build; the compiler's version is left out so that updates do not cost minutes.
fingerprint() { cat "$here/$1/go.mod" "$here/$1/go.sum" "$here/provision.sh" | sha256sum | cut -d' ' -f1; }

# build MODULE PACKAGE AS [FLAGS…]: a program of the module in that folder
build() {
  local module=$1 package=$2 as=$3
  shift 3
  say "building $as (minutes when Go's cache is cold)"
  (cd "$here/$module" && CGO_ENABLED=0 GOWORK=off GOFLAGS= go build -mod=readonly -trimpath -buildvcs=false \
    "$@" -o "$cache/bin/$as.new" "$package")
  mv "$cache/bin/$as.new" "$cache/bin/$as"
}

# The programs have their version from here: without it a kubelet of `go build` is v0.0.0, which the API server refuses.
stamps() {
  local major=${version%%.*} minor=${version#*.} package
  minor=${minor%%.*}
  printf -- '-s -w'
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf ' -X %s.gitVersion=v%s -X %s.gitMajor=%s -X %s.gitMinor=%s' \
      $package $version $package "$major" $package "$minor"
  done
}

kubernetes() {
  local name
  for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    build kubernetes "k8s.io/kubernetes/cmd/$name" $name -tags grpcnotrace,netgo,osusergo -ldflags "$(stamps)"
  done
}

etcd() { build etcd go.etcd.io/etcd/server/v3 etcd -ldflags '-s -w'; }

containerd() {
  local name
  for name in containerd containerd-shim-runc-v2 ctr; do
    build containerd "github.com/containerd/containerd/v2/cmd/$name" $name -tags no_btrfs,no_zfs,no_devmapper -ldflags '-s -w'
  done
}

registry() { build registry github.com/distribution/distribution/v3/cmd/registry registry -ldflags '-s -w'; }

for module in kubernetes etcd containerd registry; do
  if [[ $(cat "$cache/$module.fingerprint" 2>/dev/null) == "$(fingerprint $module)" ]]; then
    say "$module is built already"
  else
    $module
    fingerprint $module >"$cache/$module.fingerprint"
  fi
done
