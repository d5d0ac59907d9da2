#!/usr/bin/env bash
# Prepares this machine to render and check the manifests and the workflows: helm, kustomize and actionlint built from
# their published modules, the schemas of every supported Kubernetes and of the custom resources, extracted from their
# modules, NFD's evaluation of rules, and Debian's kubectl, which is old. Idempotent; needs Go and apt. It writes only the cache, and installs what
# actionlint calls: shellcheck.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/manifests

# MODULE VERSION CHECKSUM FILE AS: a module's file, and the name under which it is kept. The checksums are go.sum's.
schemas() {
  cat <<'LIST'
k8s.io/kubernetes v1.26.15 h1:o65B3kKH7q9xK2h2323rKKThI1rp3ZarXpb8asT932U= api/openapi-spec/swagger.json kubernetes-1.26.json
k8s.io/kubernetes v1.27.16 h1:DHFqj/HTUqHStFlRH9wCKPocqgHsjR6Q/DzYarB2QQE= api/openapi-spec/swagger.json kubernetes-1.27.json
k8s.io/kubernetes v1.28.15 h1:d91N2Znk+E8REIJZlrD6za2JtIwvEypa0DB1IoU4fJ0= api/openapi-spec/swagger.json kubernetes-1.28.json
k8s.io/kubernetes v1.29.15 h1:hLcyf3XmxtfkubCEmmPX5QVD7lDclXjvEUrJeP283LM= api/openapi-spec/swagger.json kubernetes-1.29.json
k8s.io/kubernetes v1.30.14 h1:MrlKXh9uhLIJpyxOeXhcndzRVSvwiV9iJ8NgH8nqPsg= api/openapi-spec/swagger.json kubernetes-1.30.json
k8s.io/kubernetes v1.31.14 h1:UtjLfqvXLuSVDdJ4+NpQCIfFkKkLnAAVmxAEMsnkhjk= api/openapi-spec/swagger.json kubernetes-1.31.json
k8s.io/kubernetes v1.32.13 h1:5TGYdZ6YZqdp6h/Rp1vX/4TIoybMPdgv97LCZCtPuNQ= api/openapi-spec/swagger.json kubernetes-1.32.json
k8s.io/kubernetes v1.33.4 h1:T1d5FLUYm3/KyUeV7YJhKTR980zHCHb7K2xhCSo3lE8= api/openapi-spec/swagger.json kubernetes-1.33.json
k8s.io/kubernetes v1.34.4 h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk= api/openapi-spec/swagger.json kubernetes-1.34.json
k8s.io/kubernetes v1.35.4 h1:o/8dBC/pHVpYoGV4OAIytAlNPZbdYVTXJHoYvXC4qzM= api/openapi-spec/swagger.json kubernetes-1.35.json
k8s.io/kubernetes v1.36.3 h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o= api/openapi-spec/swagger.json kubernetes-1.36.json
github.com/prometheus-operator/prometheus-operator v0.85.0 h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s= example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml podmonitor.yaml
github.com/prometheus-operator/prometheus-operator v0.85.0 h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s= example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml servicemonitor.yaml
github.com/prometheus-operator/prometheus-operator v0.85.0 h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s= example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml prometheusrule.yaml
github.com/kedacore/keda/v2 v2.20.2 h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA= config/crd/bases/keda.sh_scaledjobs.yaml scaledjob.yaml
LIST
}

say() { printf 'provision: %s\n' "$*" >&2; }

command -v go >/dev/null || { say "missing: go 1.25 or newer"; exit 1; }
mkdir -p "$cache/bin" "$cache/schemas"
exec 9>"$cache/lock"
flock 9

# The inputs of the builds; the compiler's version is left out so that updates do not cost minutes.
fingerprint() { (cat "$here/go.mod" "$here/go.sum" && echo "$ldflags") | sha256sum | cut -d' ' -f1; }

# A helm of `go build` assumes Kubernetes 1.20 without a cluster.
ldflags="-s -w -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=33"

build() {
  say "building $1 (minutes when Go's cache is cold)"
  (cd "$here" && CGO_ENABLED=0 GOWORK=off GOFLAGS= go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags "$ldflags" -o "$cache/bin/$1.new" "$2")
  mv "$cache/bin/$1.new" "$cache/bin/$1"
}

# Into a separate module cache: the modules are large, and only one file of each is kept.
fetch() {
  local module=$1 version=$2 sum=$3 file=$4 as=$5 into answer
  say "fetching $file of $module $version"
  into=$(mktemp -d "$cache/fetch.XXXXXX")
  answer=$(cd "$into" && GOMODCACHE=$into GOWORK=off GOFLAGS='-mod=mod -modcacherw' go mod download -json "$module@$version")
  if ! grep -qF "\"Sum\": \"$sum\"" <<<"$answer"; then
    say "$module $version is not what it was: $answer"
    rm -rf "$into"
    return 1
  fi
  cp "$into/$module@$version/$file" "$cache/schemas/$as.new"
  rm -rf "$into"
  chmod u+w "$cache/schemas/$as.new"
  mv "$cache/schemas/$as.new" "$cache/schemas/$as"
  echo "$*" >"$cache/schemas/$as.from"
}

# actionlint has no dependency on the others: a module of its own needs no go.mod here.
actionlint_version=v1.7.12 actionlint_sum=h1:vQ4GeJN86C0QH+gTUQcs8McmK62OLT3kmakPMtEWYnY=
actionlint_is() { go version -m "$cache/bin/$1" 2>/dev/null | grep -qF "github.com/rhysd/actionlint	$actionlint_version	$actionlint_sum"; }
build_actionlint() {
  say "building actionlint"
  GOBIN=$cache/bin/new GOWORK=off GOFLAGS='' CGO_ENABLED=0 \
    go install -trimpath "github.com/rhysd/actionlint/cmd/actionlint@$actionlint_version"
  actionlint_is new/actionlint || { say "actionlint $actionlint_version is not what it was"; return 1; }
  mv "$cache/bin/new/actionlint" "$cache/bin/actionlint"
}

# NFD's evaluation of a rule, a module of its own because of NFD's many dependencies.
build_rule_evaluation() {
  local from=$here/node-feature-rule key
  key=$(cat "$from/go.mod" "$from/go.sum" "$from/main.go" | sha256sum | cut -d' ' -f1)
  [[ -x $cache/bin/node-feature-rule && $(cat "$cache/rule-built" 2>/dev/null) == "$key" ]] && return
  say "building NFD's evaluation of rules"
  (cd "$from" && CGO_ENABLED=0 GOWORK=off GOFLAGS='' go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags '-s -w' -o "$cache/bin/node-feature-rule" .)
  echo "$key" >"$cache/rule-built"
}

# Unpacked, not installed: the machine's own kubectl stays.
fetch_kubectl() {
  local into
  say "fetching Debian's kubectl"
  if [[ $(id -u) == 0 ]]; then apt-get -o Acquire::Retries=5 -qq update; fi
  into=$(mktemp -d "$cache/fetch.XXXXXX")
  # Otherwise root downloads as _apt, which may not write there.
  (cd "$into" && apt-get -o Acquire::Retries=5 -o APT::Sandbox::User=root -qq download kubernetes-client >&2)
  dpkg -x "$into"/kubernetes-client_*.deb "$into"
  mv "$into/usr/bin/kubectl" "$cache/bin/kubectl"
  rm -rf "$into"
}

rm -rf "$cache"/fetch.*
if [[ ! -x $cache/bin/kubectl ]]; then fetch_kubectl; fi
if [[ ! -x $cache/bin/helm || ! -x $cache/bin/kustomize || $(cat "$cache/built" 2>/dev/null) != "$(fingerprint)" ]]; then
  build helm helm.sh/helm/v3/cmd/helm
  build kustomize sigs.k8s.io/kustomize/kustomize/v5
  fingerprint >"$cache/built"
fi
actionlint_is actionlint || build_actionlint
build_rule_evaluation
command -v shellcheck >/dev/null || { apt-get -o Acquire::Retries=5 -qq update && apt-get -qq install --yes --no-install-recommends shellcheck >&2; }
# What is there already, from the same file of the same version, stays.
while read -r module version sum file as; do
  [[ $(cat "$cache/schemas/$as.from" 2>/dev/null) == "$module $version $sum $file $as" ]] ||
    fetch "$module" "$version" "$sum" "$file" "$as" </dev/null # go must not read the list
done < <(schemas)
say "$("$cache/bin/kustomize" version) and $("$cache/bin/helm" version --short 2>/dev/null): $cache/bin"
