#!/usr/bin/env bash
# Prepares this machine to run programs for arm64: an emulator and glibc from the distribution. Idempotent; needs root
# only to install. Exit code 69 (EX_UNAVAILABLE): this machine can't; the output has the reason.
set -euo pipefail

unavailable() { echo "provision: $*" >&2; exit 69; }

emulator=/usr/bin/qemu-aarch64-static library=/usr/aarch64-linux-gnu/lib/libc.so.6
if [[ -x $emulator && -e $library ]]; then exit 0; fi
[[ $(uname -sm) == "Linux x86_64" ]] || unavailable "needs Linux on x86_64, this is $(uname -sm)"
command -v apt-get >/dev/null || unavailable "qemu-user-static and libc6-arm64-cross are missing; only apt is known here"
[[ $(id -u) == 0 ]] || unavailable "run as root, or: apt-get install qemu-user-static libc6-arm64-cross"
apt-get -o Acquire::Retries=5 -qq update
DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 -qq install --yes \
  --no-install-recommends qemu-user-static libc6-arm64-cross >&2
