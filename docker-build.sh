#!/usr/bin/env bash
# Builds the image with docker, podman or buildah. See --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
Usage: ./docker-build.sh [options] [-- more arguments for the builder's build command]

Builds the image with docker (buildx), podman or buildah, the first of them that works here.

  -t, --tag NAME         name and tag of the image (default: video-device-plugin:VERSION)
  -p, --platform LIST    linux/amd64, linux/arm64 or both with a comma (default: this machine's)
      --push             push the image when it is built
  -o, --output FILE      write the image to FILE as an OCI archive
      --zstd             compress with zstd instead of gzip: a fifth less to download, for containerd 1.5,
                         CRI-O 1.20 and later
  -b, --builder NAME     docker, podman or buildah
      --bun-image IMAGE  build on this instead of the one in deploy/image/bases.env
      --base-image IMAGE the same for the image's own base
      --npmrc FILE       settings for a private npm registry; no layer keeps them
      --allow-unpinned   push although a base has no digest
      --print            only print the commands
  -h, --help             show this

The image's time is that of the last commit. Its labels name the commit and the address of the sources, which follows
from "repository" in package.json. SOURCE_DATE_EPOCH (seconds since 1970), REVISION and SOURCE_URL in the environment
override these.
END
}

fail() {
  printf 'docker-build.sh: %s\n' "$*" >&2
  exit 1
}
bad_usage() {
  printf 'docker-build.sh: %s\nTry ./docker-build.sh --help\n' "$*" >&2
  exit 64
}

# value OPTION VALUE…: the option's value
value() {
  if (($# < 2)) || [[ -z $2 ]]; then bad_usage "$1 needs a value"; fi
  printf '%s\n' "$2"
}

tag='' platforms='' builder='' output='' npmrc=''
bun_image='' base_image=''
push=no zstd=no allow_unpinned=no print=no
while (($#)); do
  case $1 in
    -t | --tag) tag=$(value "$@") ;;
    -p | --platform) platforms=$(value "$@") ;;
    -o | --output) output=$(value "$@") ;;
    -b | --builder) builder=$(value "$@") ;;
    --bun-image) bun_image=$(value "$@") ;;
    --base-image) base_image=$(value "$@") ;;
    --npmrc) npmrc=$(value "$@") ;;
    --push) push=yes ;;
    --zstd) zstd=yes ;;
    --allow-unpinned) allow_unpinned=yes ;;
    --print) print=yes ;;
    --) break ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) bad_usage "unknown option \"$1\"" ;;
  esac
  case $1 in
    --push | --zstd | --allow-unpinned | --print) shift ;;
    *) shift 2 ;;
  esac
done
if (($#)); then shift; fi
more=("$@")

# works NAME: true if this builder can build here; else prints the reason on stdout
works() {
  command -v "$1" >/dev/null || {
    echo "$1 is not installed"
    return 1
  }
  case $1 in
    docker)
      docker buildx version >/dev/null 2>&1 || {
        echo "docker has no buildx (package docker-buildx-plugin or docker-buildx)"
        return 1
      }
      docker info >/dev/null 2>&1 || {
        echo "docker's daemon does not answer"
        return 1
      }
      ;;
  esac
}

case $builder in
  docker | podman | buildah) why=$(works "$builder") || fail "$why" ;;
  '')
    reasons=''
    for candidate in docker podman buildah; do
      if why=$(works "$candidate"); then
        builder=$candidate
        break
      fi
      reasons+="; $why"
    done
    [[ -n $builder ]] || fail "nothing to build with: ${reasons#; }"
    ;;
  *) bad_usage "--builder: expected docker, podman or buildah, got \"$builder\"" ;;
esac

case $(uname -m) in
  x86_64) here=linux/amd64 ;;
  aarch64 | arm64) here=linux/arm64 ;;
  *) fail "Bun runs on x86_64 and aarch64, this machine is $(uname -m)" ;;
esac
platforms=${platforms:-$here}
IFS=, read -ra list <<<"$platforms"
for platform in "${list[@]}"; do
  [[ $platform == linux/amd64 || $platform == linux/arm64 ]] ||
    bad_usage "--platform: expected linux/amd64 or linux/arm64, got \"$platform\""
done
several=no
if ((${#list[@]} > 1)); then several=yes; fi
if [[ -n $npmrc && ! -r $npmrc ]]; then fail "--npmrc: $npmrc can't be read"; fi
if [[ $push == yes && -n $output ]]; then bad_usage "--push and --output exclude each other"; fi
if [[ $push == yes && -z $tag ]]; then bad_usage "--push needs --tag, with the registry's name in it"; fi
if [[ $builder == docker && $several == yes && $push == no && -z $output ]]; then
  bad_usage "docker keeps no image of two platforms: add --push or --output"
fi

# base NAME: an entry of bases.env
base() {
  local value
  value=$(sed -n "s/^$1=//p" deploy/image/bases.env)
  [[ -n $value ]] || fail "deploy/image/bases.env: no $1"
  echo "$value"
}
bun_image=${bun_image:-$(base BUN_IMAGE)}
base_image=${base_image:-$(base BASE_IMAGE)}
if [[ $push == yes && $allow_unpinned == no ]]; then
  for image in "$bun_image" "$base_image"; do
    [[ $image == *@sha256:* ]] ||
      fail "$image has no digest: run \"bun deploy/image/pin-bases.ts\" and commit, or add --allow-unpinned"
  done
fi

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
tag=${tag:-video-device-plugin:$version}
revision=${REVISION:-}
if [[ -z $revision ]]; then
  revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
  if [[ -n $(git status --porcelain --untracked-files=no 2>/dev/null) ]]; then revision+=-dirty; fi
fi
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
[[ $epoch =~ ^[0-9]+$ ]] || fail "SOURCE_DATE_EPOCH: expected seconds since 1970, got \"$epoch\""
# The package of an image at ghcr.io belongs to the repository that this label names.
source_url=${SOURCE_URL:-$(sed -n 's#^  "repository": "github:\(.*\)",$#https://github.com/\1#p' package.json)}

build=(
  --file Dockerfile
  --platform "$platforms"
  --build-arg "BUN_IMAGE=$bun_image"
  --build-arg "BASE_IMAGE=$base_image"
  --build-arg "BASE_NAME=${base_image%@*}"
  --build-arg "CREATED=$(date --utc --date="@$epoch" +%Y-%m-%dT%H:%M:%SZ)"
  --build-arg "REVISION=$revision"
  --build-arg "SOURCE=$source_url"
  --build-arg "SOURCE_DATE_EPOCH=$epoch"
  --build-arg "VERSION=$version"
)
if [[ $base_image == *@* ]]; then build+=(--label "org.opencontainers.image.base.digest=${base_image#*@}"); fi
if [[ -n $npmrc ]]; then build+=(--secret "id=npmrc,src=$npmrc"); fi

run() {
  printf '+%s\n' "$(printf ' %q' "$@")" >&2
  [[ $print == yes ]] || "$@"
}

if [[ $builder == docker ]]; then
  form=rewrite-timestamp=true
  if [[ $zstd == yes ]]; then form+=,compression=zstd,compression-level=19,force-compression=true,oci-mediatypes=true; fi
  # rewrite-timestamp sets the commit's time for the files of the layers, so that equal sources make equal layers.
  if [[ $push == yes ]]; then
    build+=(--output "type=image,name=$tag,push=true,$form")
  elif [[ -n $output ]]; then
    build+=(--output "type=oci,name=$tag,dest=$output,$form")
  else
    build+=(--tag "$tag" --load)
  fi
  run docker buildx build "${build[@]}" "${more[@]}" .
else
  # buildah 1.28 sets no BUILDPLATFORM when it builds for another platform.
  build+=(--format oci --timestamp "$epoch" --build-arg "BUILDPLATFORM=$here")
  pushing=(push)
  if [[ $several == yes ]]; then
    # buildah would add to an existing list.
    if [[ $print == no ]] && "$builder" manifest inspect "$tag" >/dev/null 2>&1; then
      run "$builder" manifest rm "$tag"
    fi
    build+=(--manifest "$tag")
    pushing=(manifest push --all)
  else
    build+=(--tag "$tag")
  fi
  if [[ $zstd == yes ]]; then pushing+=(--compression-format zstd --compression-level 19); fi
  run "$builder" build "${build[@]}" "${more[@]}" .
  if [[ $push == yes ]]; then run "$builder" "${pushing[@]}" "$tag" "docker://$tag"; fi
  if [[ -n $output ]]; then
    # buildah can't replace an archive.
    run rm -f "$output"
    run "$builder" "${pushing[@]}" "$tag" "oci-archive:$output:$tag"
  fi
fi
if [[ $print == no ]]; then echo "$tag  $platforms${output:+  $output}"; fi
