#!/usr/bin/env bash
# Prepares what a test VM is made of: a Debian kernel, its media modules, v4l2loopback built from
# Debian's own packages, a small user land, the checker of v4l2-tool.c, and programs that people use
# with cameras, for the VMs that want them.
#
#   provision.sh [VERSION[@KERNEL]... [codecs] | all]     v4l2loopback versions, default "0.12.7 0.15.4"
#
# A version is built for bookworm's kernel 6.1, and with @6.12 for that of bookworm-backports, which is fetched
# only then: it has its modules as .ko.xz and decompresses them itself. With "codecs", the kernels of these versions
# get drivers of codecs as well, which are built from Debian's linux-source, 140 MB each.
#
# Prints the directory it keeps all that in, which is made once and outlives the checkout. Remove it to
# have a newer kernel. Exit code 69 (EX_UNAVAILABLE) means that this machine can't do it, and the last
# line on stderr says why; any other failure is a defect of this script or of a package.
# shellcheck disable=SC2016 # apt's and awk's variables, not the shell's
set -euo pipefail
umask 022

versions=("$@")
((${#versions[@]})) || versions=(0.12.7 0.15.4)
[[ ${versions[*]} != all ]] || versions=(0.12.7 0.13.2 0.15.0 0.15.4 0.15.4@6.12 codecs)
# 0.13.2 lives in backports and 0.15.x in younger suites; all of them build against bookworm's 6.1. 0.12.7
# doesn't against 6.12.
kernel_suite=bookworm
suites=("$kernel_suite" "$kernel_suite-backports" trixie sid)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VDP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/video-device-plugin}/kernel

say() { echo "provision: $*" >&2; }
unavailable() { say "$*"; exit 69; }
# A step's noise is shown only if the step fails.
quietly() {
  local log=$cache/last-step.log
  "$@" >"$log" 2>&1 || { local code=$?; tail -n 25 "$log" >&2; return "$code"; }
}

[[ $(uname -sm) == "Linux x86_64" ]] || unavailable "needs Linux on x86_64, this is $(uname -sm)"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two test runs on one machine share the cache

install_missing() {
  local packages=()
  local command package
  while read -r command package; do
    command -v "$command" >/dev/null || packages+=("$package")
  done <<-'LIST'
	qemu-system-x86_64 qemu-system-x86
	gcc-12 gcc-12
	make make
	strip binutils
	xz xz-utils
	zstd zstd
	depmod kmod
	LIST
  [[ -e /usr/lib/x86_64-linux-gnu/libc.a ]] || packages+=(libc6-dev)
  [[ -e /usr/lib/x86_64-linux-gnu/libelf.so.1 ]] || packages+=(libelf1) # the kernel's objtool
  ((${#packages[@]})) || return 0
  ((EUID == 0)) || unavailable "not root, and these packages are missing: ${packages[*]}"
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local apt_get=(apt-get -o Acquire::Retries=5)
  { quietly "${apt_get[@]}" update &&
    quietly "${apt_get[@]}" install -y --no-install-recommends "${packages[@]}"; } ||
    unavailable "apt-get can't install ${packages[*]}"
}

# An apt root of our own, so that other suites never enter the machine's sources. It keeps the machine's
# apt.conf.d (proxies and the like) and takes the mirrors from the machine's sources.
apt_private() {
  local command=$1
  shift
  "$command" -q -o Dir::State="$cache/apt/state" -o Dir::State::status="$cache/apt/status" \
    -o Dir::Cache="$cache/apt/cache" -o Dir::Etc::sourcelist="$cache/apt/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o Acquire::Languages=none \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=5 -o APT::Update::Error-Mode=any \
    -o APT::Default-Release="/^$kernel_suite(-security|-updates)?\$/" "$@"
}

# debian_mirror CONDITION: the first of the machine's own Debian repositories whose code name ($2) fits.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)|$(CODENAME)|$(ORIGIN)' 'Created-By: Packages' |
    awk -F'|' "\$3 ~ /^Debian/ && $1 && !found { print \$1; found = 1 }"
}

apt_ready=
apt_setup() {
  [[ -z $apt_ready ]] || return 0
  mkdir -p "$cache"/apt/{state/lists/partial,cache/archives/partial} "$cache/debs"
  : >"$cache/apt/status"
  local mirror security keyring suite options=arch=amd64
  mirror=$(debian_mirror '$2 !~ /-security$/')
  # apt knows a source's origin only from its package lists, which images are often shipped without.
  if [[ -z $mirror ]] && ((EUID == 0)); then
    quietly apt-get update -o Acquire::Retries=5 || true
    mirror=$(debian_mirror '$2 !~ /-security$/')
  fi
  [[ -n $mirror ]] || unavailable "this machine's apt knows no Debian mirror, or has no package lists"
  security=$(debian_mirror '$2 ~ /-security$/')
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ ! -e $keyring ]] || options+=" signed-by=$keyring"
  {
    for suite in "${suites[@]}"; do echo "deb [$options] $mirror $suite main"; done
    # A bookworm kernel's current ABI is often in the security archive first.
    [[ -z $security ]] || echo "deb [$options] $security $kernel_suite-security main"
  } >"$cache/apt/sources.list"
  say "reading the package lists of ${suites[*]}"
  quietly apt_private apt-get update || unavailable "the package lists can't be fetched"
  apt_ready=yes
}

# download DIRECTORY PACKAGE[=VERSION]...: fetches and unpacks, installing nothing.
download() {
  local into=$1 deb
  shift
  apt_setup
  rm -rf "$cache/debs" && mkdir -p "$cache/debs" "$into"
  (cd "$cache/debs" && quietly apt_private apt-get download "$@") || unavailable "can't download $*"
  for deb in "$cache"/debs/*.deb; do dpkg -x "$deb" "$into"; done
  rm -rf "$cache/debs"
}

# depends_of PACKAGE SUITE: the names alone.
depends_of() {
  apt_private apt-cache -o APT::Default-Release="/^$2(-security|-updates)?\$/" show --no-all-versions "$1" | sed -n 's/^Depends: //p' | tr -d ' ' |
    tr ',' '\n' | sed 's/(.*//'
}

# QEMU starts an uncompressed kernel directly (PVH); to unpack a bzImage costs an emulated CPU 3 s a boot.
# Offsets: linux/Documentation/x86/boot.rst, setup_sects, payload_offset, payload_length. The last four
# bytes are the unpacked size, and no part of what xz or zstd wrote; 6.1 is packed by the first, 6.12 by the other.
extract_vmlinux() {
  local sectors offset length
  sectors=$(od -An -tu1 -j $((0x1f1)) -N1 "$1")
  offset=$(od -An -tu4 -j $((0x248)) -N4 "$1")
  length=$(od -An -tu4 -j $((0x24c)) -N4 "$1")
  local unpack=(xz -dc)
  [[ $(od -An -tx4 -j $(((sectors + 1) * 512 + offset)) -N4 "$1") != *fd2fb528 ]] || unpack=(zstd -dcq)
  head -c $(((sectors + 1) * 512 + offset + length - 4)) "$1" | tail -c $((length - 4)) | "${unpack[@]}"
}

# kernel_directory VERSION[@KERNEL]: where the kernel is that a version is built for.
kernel_directory() {
  case $1 in
    *@*) echo "$cache/kernel-${1#*@}" ;;
    *) echo "$cache/kernel" ;;
  esac
}

# provide_kernel SUITE DIRECTORY [PACKAGE...]: that suite's kernel and headers, with more packages beside them.
provide_kernel() {
  local suite=$1 kernel=$2
  shift 2
  [[ ! -e $kernel/release ]] || return 0
  apt_setup
  local image headers release work=$kernel.new
  image=$(depends_of linux-image-amd64 "$suite" | grep '^linux-image-')
  release=${image#linux-image-}
  headers=linux-headers-$release
  say "fetching kernel $release"
  rm -rf "$work" "$kernel"
  # shellcheck disable=SC2046
  download "$work" "$image" "$headers" "$@" \
    $(depends_of "$headers" "$suite" | grep -E '^linux-(headers|kbuild)-')
  # The headers name /usr/src and /usr/lib absolutely; here they are elsewhere.
  local build=$work/usr/src/$headers final=$kernel/usr
  grep -rlIE '/usr/(src|lib)/linux-' "$work"/usr/src/*/Makefile "$build"/.kernel* 2>/dev/null |
    xargs -r sed -i -E "s#(^|[^[:alnum:]_.])/usr/(src|lib)/linux-#\1$final/\2/linux-#g"
  find "$work/usr/src" -type l | while read -r link; do
    local to
    to=$(readlink "$link")
    case $to in
      /usr/*) ln -sfn "$kernel$to" "$link" ;;
      *../lib/linux-kbuild*) ln -sfn "$final/lib/${to##*../lib/}" "$link" ;;
    esac
  done
  # With this file a module gets type information (BTF), for which its build wants pahole.
  rm -f "$build/vmlinux"
  extract_vmlinux "$work/boot/vmlinuz-$release" >"$work/vmlinux"
  echo "$release" >"$work/release"
  mv "$work" "$kernel"
}

# A module tree holds what a test may load and nothing else: an initramfs of all modules would be 400 MB.
# vivid stands for "another driver's camera has that number", and uvcvideo is the driver of the USB cameras that are plugged
# into vhci-hcd. "none" is a node without v4l2loopback. Where the kernel has its modules as .ko.xz, v4l2loopback is made one
# as DKMS and kbuild do (scripts/Makefile.modinst).
provide_tree() {
  local version=$1 module=${2:-} kernel release image tree
  kernel=$(kernel_directory "$version")
  release=$(<"$kernel/release")
  tree=$cache/trees/$version
  ! has_tree "$version" || return 0
  image=$kernel/lib/modules/$release
  [[ -e $image/modules.dep ]] || depmod -b "$kernel" "$release"
  local new=$cache/tree.new/lib/modules/$release
  rm -rf "$cache/tree.new" && mkdir -p "$new" "$cache/trees"
  cp "$image"/modules.{builtin,builtin.modinfo,order} "$new"
  awk -F: '$1 ~ /\/(vivid|videodev|uvcvideo|vhci-hcd)\.ko(\.xz)?$/ { print $1 $2 }' "$image/modules.dep" | tr ' ' '\n' | sort -u |
    (cd "$image" && xargs cp --parents -t "$new")
  if [[ -n $module ]]; then
    install -D -m 644 "$module" "$new/updates/dkms/v4l2loopback.ko"
    [[ ! -e $new/kernel/drivers/media/mc/mc.ko.xz ]] ||
      xz --check=crc32 --lzma2=dict=1MiB "$new/updates/dkms/v4l2loopback.ko"
  fi
  quietly depmod -b "$cache/tree.new" "$release"
  # Another test run may be reading the tree.
  [[ ! -e $tree ]] || mv "$tree" "$cache/tree.old"
  mv "$cache/tree.new" "$tree"
  rm -rf "$cache/tree.old"
}

# True if the tree was made, and by a script that knew of the youngest of its modules.
has_tree() { [[ -n $(find "$cache/trees/$1/lib" -name 'vhci-hcd.ko*' 2>/dev/null) ]]; }

provide_version() {
  local version=${1%@*} kernel release package source work=$cache/build
  kernel=$(kernel_directory "$1")
  ! has_tree "$1" || return 0
  apt_setup
  package=$(apt_private apt-cache madison v4l2loopback-dkms | awk -v v="$version" \
    '{ split($3, part, "-"); if (part[1] == v) { print $3; exit } }')
  [[ -n $package ]] || unavailable "no v4l2loopback-dkms $version in ${suites[*]}; there is: $(
    apt_private apt-cache madison v4l2loopback-dkms | awk '{ print $3 }' | sort -uV | tr '\n' ' ')"
  release=$(<"$kernel/release")
  say "building v4l2loopback $package for $release"
  rm -rf "$work"
  download "$work" "v4l2loopback-dkms=$package"
  source=$(echo "$work"/usr/src/v4l2loopback-*)
  quietly make -C "$kernel/usr/src/linux-headers-$release" M="$source" modules
  strip --strip-debug "$source/v4l2loopback.ko"
  provide_tree "$1" "$source/v4l2loopback.ko"
  rm -rf "$work"
}

# provide_codecs VERSION[@KERNEL]: vim2m and vicodec, the kernel's codecs without hardware. Debian's kernels leave them out, and
# with them v4l2-mem2mem, which nothing else there needs.
provide_codecs() {
  local kernel release suite source=$cache/codecs.source new
  kernel=$(kernel_directory "$1")
  [[ ! -e $kernel/codecs ]] || return 0
  new=$kernel/codecs.new
  release=$(<"$kernel/release")
  [[ $release =~ ^[0-9]+\.[0-9]+ ]]
  suite=$kernel_suite
  [[ $1 != *@* ]] || suite=$kernel_suite-backports
  say "building codecs for $release"
  rm -rf "$source" "$new"
  download "$source" "linux-source-${BASH_REMATCH[0]}/$suite"
  mkdir "$source/build" "$new"
  xz -dcT0 "$source"/usr/src/linux-source-*.tar.xz | tar -x -C "$source/build" --transform 's|.*/||' --wildcards \
    '*/v4l2-core/v4l2-mem2mem.c' '*/test-drivers/vim2m.c' '*/test-drivers/vicodec/*.[ch]'
  {
    echo 'obj-m := v4l2-mem2mem.o vim2m.o vicodec.o'
    echo 'vicodec-y := vicodec-core.o codec-fwht.o codec-v4l2-fwht.o'
  } >"$source/build/Makefile"
  quietly make -C "$kernel/usr/src/linux-headers-$release" M="$source/build" modules
  strip --strip-debug "$source"/build/*.ko
  cp "$source"/build/*.ko "$new"
  rm -rf "$source"
  mv "$new" "$kernel/codecs"
}

# provide_tool FILE: compiles it, to its name without .c. The source is kept beside it: several checkouts share the cache, and
# which of them has the younger file says nothing.
provide_tool() {
  local tool
  tool=$cache/$(basename "$1" .c)
  ! cmp -s "$here/$1" "$tool.c" || return 0
  gcc-12 -static -O2 -Wall -Wextra -Werror -o "$tool.new" "$here/$1"
  strip "$tool.new"
  mv "$tool.new" "$tool"
  cp "$here/$1" "$tool.c"
}

# driver/programs.ts plays with these. Of all the packages they depend on, 0.5 GB, only the libraries they are
# linked to are kept, side by side: where Debian chooses one by an alternative (libblas), this does not. GStreamer
# loads its plugins itself, so those of the scenarios are named here.
provide_programs() {
  local programs=$cache/programs.new root=$cache/programs.root debs=$cache/debs libraries=lib/x86_64-linux-gnu
  [[ ! -e $cache/programs/usr/bin/gst-launch-1.0 ]] || return 0
  apt_setup
  say "fetching ffmpeg, GStreamer and v4l-utils"
  rm -rf "$programs" "$root" "$debs"
  mkdir -p "$programs/usr/bin" "$programs/usr/$libraries/gstreamer-1.0" "$root" "$debs/partial"
  quietly apt_private apt-get install --download-only -y --no-install-recommends \
    -o Dir::Cache::archives="$debs" ffmpeg v4l-utils gstreamer1.0-{tools,plugins-base,plugins-good} ||
    unavailable "can't download ffmpeg, GStreamer and v4l-utils"
  local deb name path
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$root"; done
  path=$(find "$root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  for name in bin/{ffmpeg,gst-launch-1.0,v4l2-ctl,v4l2-compliance} \
    "$libraries"/gstreamer-1.0/libgst{coreelements,videotestsrc,videoconvertscale,video4linux2}.so; do
    cp "$root/usr/$name" "$programs/usr/$name"
    "$root/$libraries/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$path" \
      --list "$root/usr/$name"
  done >"$cache/programs.list"
  if grep 'not found' "$cache/programs.list" >&2; then return 1; fi
  # "libx.so.1 => /where/libx.so.1 (0x...)"; libc's are to be those that every VM has.
  awk '$2 == "=>" && $1 !~ /\// { print $1, $3 }' "$cache/programs.list" | sort -u |
    while read -r name path; do
      [[ ! -e $cache/kernel/$libraries/$name ]] || path=$cache/kernel/$libraries/$name
      cp -L "$path" "$programs/usr/$libraries/$name"
    done
  rm -rf "$root" "$debs" "$cache/programs.list" "$cache/programs"
  mv "$programs" "$cache/programs"
}

install_missing
# The user land comes from the kernel's suite, so that a VM doesn't depend on the machine's libc.
provide_kernel "$kernel_suite" "$(kernel_directory none)" busybox-static util-linux libc6
provide_tree none
codecs=
for version in "${versions[@]}"; do
  case $version in
    codecs) codecs=yes && continue ;;
    *@6.12) provide_kernel "$kernel_suite-backports" "$(kernel_directory "$version")" ;;
    *@*) unavailable "no kernel ${version#*@} is known here: $version" ;;
  esac
  provide_version "$version"
done
for version in "${versions[@]}"; do
  [[ -z $codecs || $version == codecs ]] || provide_codecs "$version"
done
provide_tool v4l2-tool.c
provide_tool tsc-khz.c
provide_tool usb-camera/usb-camera.c
provide_programs
echo "$cache"
