# Runs early at each boot of a node: what differs from one test to another.
release=$(uname -r)
mkdir -p "/lib/modules/$release/updates/dkms"
if ! cmp -s /story/v4l2loopback.ko "/lib/modules/$release/updates/dkms/v4l2loopback.ko"; then
  cp /story/v4l2loopback.ko "/lib/modules/$release/updates/dkms/"
  depmod -a
fi
# A third disk has the images that containerd starts with.
if [ -b /dev/vdc ]; then mkdir -p /var/lib/containerd && mount /dev/vdc /var/lib/containerd; fi
# shellcheck source=test/node/guest/network.sh disable=SC1091
. /story/network.sh
