#!/usr/bin/env bash
# Prepares this machine for the browser test: the distribution's Chromium, with a font. Idempotent; needs root only to
# install. Starts no program.
set -euo pipefail

say() { printf 'provision: %s\n' "$*" >&2; }

if [[ -x /usr/bin/chromium ]]; then
  say "$(/usr/bin/chromium --version 2>/dev/null) is there"
  exit 0
fi
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
  say "missing: /usr/bin/chromium; run as root where there is apt-get, or: apt-get install chromium"
  exit 1
fi
say "installing chromium"
apt-get -o Acquire::Retries=5 -qq update
DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 -qq install \
  --yes --no-install-recommends chromium fonts-liberation fonts-dejavu-core >&2
say "$(/usr/bin/chromium --version 2>/dev/null)"
