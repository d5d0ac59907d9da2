#!/usr/bin/env bash
# Downloads promtool, Prometheus' checker of metrics and rules, from the distribution's package, without installing it.
#
# Prints the directory that holds promtool and prometheus, which outlives the checkout. Exit code 69
# (EX_UNAVAILABLE) means that this machine can't run it, and the last line on stderr has the reason.
set -euo pipefail
umask 022

cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/prometheus

say() { printf 'provision: %s\n' "$*" >&2; }
unavailable() { say "$*"; exit 69; }

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two test runs on one machine share the cache

if [[ ! -x $cache/promtool || ! -x $cache/prometheus ]]; then
  command -v apt-get >/dev/null ||
    unavailable "only apt is known here; put promtool and prometheus into $cache by other means"
  work=$cache/work
  rm -rf "$work" && mkdir -p "$work"
  fetch() { (cd "$work" && apt-get -o Acquire::Retries=5 -qq download prometheus >"$cache/last-step.log" 2>&1); }
  say "fetching the package prometheus"
  # Images often have no package lists, or old ones; only root may download new ones.
  fetch || { ((EUID == 0)) && apt-get -o Acquire::Retries=5 -qq update >&2 && fetch; } || {
    tail -n 5 "$cache/last-step.log" >&2
    unavailable "apt-get can't download the package prometheus"
  }
  dpkg -x "$work"/prometheus_*.deb "$work/root"
  mv "$work"/root/usr/bin/{promtool,prometheus} "$cache"
  rm -rf "$work"
fi
# A package of another distribution may need libraries that are missing here.
say "$("$cache/promtool" --version 2>&1 | head -n 1): $cache/promtool"
echo "$cache"
