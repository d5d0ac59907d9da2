/** The kind of a host's kernel, as far as `uname -r` shows. */
type Family =
  | "ubuntu"
  | "ubuntu_7"
  | "debian"
  | "debian_cloud"
  | "fedora"
  | "arch"
  | "image_based"
  | "unknown";

/** First match counts; the samples are releases as those kernels report them. */
const families: readonly (readonly [Family, RegExp])[] = [
  // 6.1.0-44-cloud-amd64, 6.12.57+deb13-cloud-arm64
  ["debian_cloud", /-cloud-(amd64|arm64)$/],
  // 6.1.0-44-amd64, 6.12.57+deb13-amd64, 6.1.0-44-rt-arm64
  ["debian", /-(amd64|arm64)$|\+deb\d+/],
  // 7.0.0-44-generic; from 7.0 on the flavours' modules are packaged differently
  ["ubuntu_7", /^([7-9]|\d\d)\.\d+\.\d+-\d+-[a-z]/],
  // 6.8.0-151-generic, 6.8.0-1021-gke
  ["ubuntu", /^\d+\.\d+\.0-\d+-[a-z]/],
  // 6.11.4-301.fc41.x86_64, 5.14.0-503.el9.x86_64
  ["fedora", /\.(fc|el)\d+/],
  // 6.12.1-arch1-1, 6.6.63-1-lts
  ["arch", /-(arch\d|\d+-lts|zen)/],
  // 6.12.1-talos, 6.6.56-flatcar, 6.1.112 of Bottlerocket has no mark
  ["image_based", /-(talos|flatcar)/],
];

/** How to install each module that may be missing. */
const hints: Readonly<Record<Family, { videodev: string; v4l2loopback: string }>> = {
  ubuntu: {
    videodev: "On the host: apt-get install linux-modules-extra-$(uname -r)",
    v4l2loopback:
      "On the host: apt-get install linux-modules-$(uname -r) linux-modules-extra-$(uname -r); Ubuntu's kernels come with v4l2loopback, so v4l2loopback-dkms is not needed and would take its place.",
  },
  ubuntu_7: {
    videodev: "On the host: apt-get install --reinstall linux-modules-$(uname -r)",
    v4l2loopback:
      "On the host: apt-get install linux-modules-v4l2loopback-generic; for flavours that have no such package (aws, azure, gcp, gke, oracle): apt-get install v4l2loopback-dkms linux-headers-$(uname -r)",
  },
  debian: {
    videodev: "On the host: apt-get install --reinstall linux-image-$(uname -r)",
    v4l2loopback: "On the host: apt-get install v4l2loopback-dkms linux-headers-$(uname -r)",
  },
  debian_cloud: {
    videodev:
      "Debian's cloud kernels are built without video support: install linux-image-amd64 (or -arm64) on the host and boot it.",
    v4l2loopback:
      "Debian's cloud kernels are built without video support: install linux-image-amd64 (or -arm64), its headers and v4l2loopback-dkms on the host and boot it.",
  },
  fedora: {
    videodev: "On the host: dnf install kernel-modules-$(uname -r)",
    v4l2loopback: "On the host: enable RPM Fusion (free) and dnf install akmod-v4l2loopback",
  },
  arch: {
    videodev: "On the host: reinstall the kernel package, and reboot if it was updated.",
    v4l2loopback: "On the host: pacman -S v4l2loopback-dkms and the headers of the kernel",
  },
  image_based: {
    videodev: "Add a system extension with the videodev and mc modules for this kernel.",
    v4l2loopback:
      "Add a system extension with v4l2loopback for this kernel, and have the host load it at boot.",
  },
  unknown: {
    videodev: "Install the modules videodev and mc for the running kernel on the host.",
    v4l2loopback: "Install v4l2loopback for the running kernel on the host.",
  },
};

/**
 * What to install where a module's file, or a module that it needs, is missing: one or two sentences, with a command
 * where there is one. Guessed from the release (`uname -r`): the container's own /etc/os-release is not the host's.
 */
export function installHint(module: "videodev" | "v4l2loopback", kernelRelease: string): string {
  return hints[familyOf(kernelRelease)][module];
}

/** What to do where the kernel itself was built without video support, which no module can add to it. */
export function videoKernelHint(kernelRelease: string): string {
  if (familyOf(kernelRelease) === "debian_cloud") return hints.debian_cloud.videodev;
  return "Boot the host with a kernel that was built with CONFIG_VIDEO_DEV; no module adds it to this one.";
}

function familyOf(kernelRelease: string): Family {
  return families.find(([, pattern]) => pattern.test(kernelRelease))?.[0] ?? "unknown";
}
