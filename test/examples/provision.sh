#!/usr/bin/env bash
# Builds the images of deploy/examples from their Dockerfiles with buildah, on a stand-in for Debian's public image that
# debootstrap makes. Layers and archives stay in the cache; an archive is built again if a file of its directory changes.
# It provides the cluster, too. Idempotent; needs root, apt and the network.
#
#   provision.sh [NAME…]           all of that; only these images, where some are named
#   provision.sh --check [NAME…]   builds nothing; prints a line `NAME ARCHIVE` for each image, or ends with 69
#                                  (EX_UNAVAILABLE)
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$here/../../deploy/examples
cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/examples
base=docker.io/library/debian:trixie-slim
suite=trixie
check=no
if [[ ${1:-} == --check ]]; then check=yes && shift; fi
names=("$@")
((${#names[@]})) || mapfile -t names < <(cd "$examples" && printf '%s\n' */Dockerfile | cut -d/ -f1)

say() { printf 'provision: %s\n' "$*" >&2; }
unavailable() { say "$*"; exit 69; }
quietly() {
  "$@" >"$cache/last-step.log" 2>&1 || { local code=$?; tail -n 25 "$cache/last-step.log" >&2; return "$code"; }
}

# tag NAME: what the manifests call the image
tag() { sed -n "s/^ *image: \(.*\/$1:.*\)\$/\1/p" "$here"/../../deploy/kubernetes/examples/*.yaml | head -n 1; }

# archive NAME: where the image of this directory's files is, built or not
archive() {
  local key
  key=$({ tag "$1" && cat "$here/provision.sh" && cd "$examples/$1" && find . -type f -printf '%m %p\n' | sort &&
    find . -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-16)
  echo "$cache/$1-$key.tar"
}

if [[ $check == yes ]]; then
  for name in "${names[@]}"; do
    [[ -e $(archive "$name") ]] || unavailable "the image of $name is not built; run test/examples/provision.sh"
    echo "$name $(archive "$name")"
  done
  exit
fi
((EUID == 0)) || unavailable "needs root, to make a Debian of packages"
"$here/../cluster/provision.sh"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

# Its steps run with chroot alone, which also works in containers and microVMs.
export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$cache/storage.conf
driver=vfs
if grep -q '\boverlay$' /proc/filesystems; then driver=overlay; fi
printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' \
  "$driver" "$cache/storage" "$cache/storage-run" >"$CONTAINERS_STORAGE_CONF"

provide_base() {
  local root=$cache/base.new container
  if buildah inspect --type image "$base" >/dev/null 2>&1; then return; fi
  command -v debootstrap >/dev/null ||
    { quietly apt-get -qq update && quietly apt-get -qq install --yes --no-install-recommends debootstrap; }
  say "making a Debian of packages (a minute)"
  rm -rf "$root"
  quietly debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" http://deb.debian.org/debian
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  # As in the public image: with the security updates. The certificates are those of this machine's network.
  printf 'deb http://deb.debian.org/%s main\n' "debian $suite" "debian $suite-updates" "debian-security $suite-security" \
    >"$root/etc/apt/sources.list"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  container=$(buildah from scratch)
  quietly buildah add "$container" "$root" /
  quietly buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  quietly buildah commit --rm "$container" "$base"
  rm -rf "$root"
}

provide() {
  local name=$1 file tag
  file=$(archive "$name")
  tag=$(tag "$name")
  [[ -n $tag ]] || { say "no example has the image $name"; return 1; }
  if [[ -e $file ]]; then
    say "the image of $name is built already"
    return
  fi
  provide_base
  say "building the image of $name"
  quietly buildah build --layers --pull-never --tag "$tag" "$examples/$name"
  # Uncompressed layers: containerd unpacks them faster.
  rm -f "$file.new"
  quietly buildah push --disable-compression "$tag" "oci-archive:$file.new:$tag"
  mv "$file.new" "$file"
  # Two of each stay, since other checkouts may use theirs.
  find "$cache" -maxdepth 1 -name "$name-*.tar" -printf '%T@ %p\n' | sort -rn | tail -n +3 | cut -d' ' -f2- | xargs -r rm -f
}

for name in "${names[@]}"; do provide "$name"; done
