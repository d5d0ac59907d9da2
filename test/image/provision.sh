#!/usr/bin/env bash
# Prepares this machine to build the image and run it: buildah and runc from the distribution, and the packages for the
# stand-ins of the public base images. Idempotent; needs root only to install.
set -euo pipefail

cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/image
# For the final base: the C library. For the base to build on: a shell, the core utilities and their libraries.
debs=(libc6 dash coreutils libacl1 libattr1 libgmp10 libpcre2-8-0 libselinux1)

say() { printf 'provision: %s\n' "$*" >&2; }

missing_packages() {
  PATH=$PATH:/usr/sbin:/sbin
  command -v buildah >/dev/null || echo buildah
  command -v runc >/dev/null || echo runc
}

# Each in the available version: the stand-ins need not be the latest.
missing_debs() {
  local name
  for name in "${debs[@]}"; do
    compgen -G "$cache/debs/${name}_*.deb" >/dev/null || echo "$name"
  done
}

mapfile -t packages < <(missing_packages)
mapfile -t archives < <(missing_debs)
if ((${#packages[@]} == 0 && ${#archives[@]} == 0)); then
  say "everything is there already"
  exit
fi
command -v apt-get >/dev/null || { say "missing: ${packages[*]} ${archives[*]}; only apt is known here"; exit 1; }
if [[ $(id -u) == 0 ]]; then apt-get -o Acquire::Retries=5 -qq update; fi
if ((${#packages[@]})); then
  [[ $(id -u) == 0 ]] || { say "missing: ${packages[*]}; run as root, or: apt-get install ${packages[*]}"; exit 1; }
  say "installing ${packages[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 \
    -qq install --yes --no-install-recommends "${packages[@]}" >&2
fi
if ((${#archives[@]})); then
  say "downloading ${archives[*]}"
  rm -rf "$cache/debs.new"
  mkdir -p "$cache/debs" "$cache/debs.new"
  # Otherwise root downloads as _apt, which may not write there.
  (cd "$cache/debs.new" && apt-get -o Acquire::Retries=5 -o APT::Sandbox::User=root -qq download "${archives[@]}" >&2)
  mv "$cache/debs.new"/*.deb "$cache/debs/"
  rmdir "$cache/debs.new"
fi
