#!/usr/bin/env bash
# Makes this machine able to run KEDA in the cluster of test/cluster: KEDA's operator, built from its published module,
# the module's own manifests, Debian's Redis, and the image of the example. Idempotent; needs root, Go and apt.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/keda
module=github.com/kedacore/keda/v2

say() { printf 'provision: %s\n' "$*" >&2; }

# With the cluster.
"$here/../examples/provision.sh" media

mkdir -p "$cache/bin"
exec 9>"$cache/lock"
flock 9

# The server of Debian's package redis-server is a link into redis-tools; only the former starts a service. Redis gets an
# address that the pods reach.
packages=()
[[ -x /usr/bin/redis-check-rdb ]] || packages+=(redis-tools)
PATH=$PATH:/usr/sbin:/sbin command -v ip >/dev/null || packages+=(iproute2)
if ((${#packages[@]})); then
  apt-get -q update >&2 && apt-get -q install -y --no-install-recommends "${packages[@]}" >&2
fi
ln -sf /usr/bin/redis-check-rdb "$cache/bin/redis-server"

# The compiler's version is left out so that updates do not cost minutes.
fingerprint=$(cat "$here/go.mod" "$here/go.sum" "$here/provision.sh" | sha256sum | cut -d' ' -f1)
if [[ $(cat "$cache/fingerprint" 2>/dev/null) == "$fingerprint" ]]; then
  say "KEDA's operator is built already"
  exit
fi

say "building KEDA's operator (minutes when Go's cache is cold)"
cd "$here"
export CGO_ENABLED=0 GOWORK=off GOFLAGS=
go build -mod=readonly -p 2 -trimpath -buildvcs=false -ldflags '-s -w' -o "$cache/bin/keda-operator.new" $module/cmd/operator
mv "$cache/bin/keda-operator.new" "$cache/bin/keda-operator"
rm -rf "$cache/config"
cp -r --no-preserve=mode "$(go list -mod=readonly -m -f '{{.Dir}}' $module)/config" "$cache/config"
echo "$fingerprint" >"$cache/fingerprint"
