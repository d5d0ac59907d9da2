# Runs early at each boot of a node: what differs from one test to another.
release=$(uname -r)
mkdir -p "/lib/modules/$release/updates/dkms"
if ! cmp -s /story/v4l2loopback.ko "/lib/modules/$release/updates/dkms/v4l2loopback.ko"; then
  cp /story/v4l2loopback.ko "/lib/modules/$release/updates/dkms/"
  depmod -a
fi
# The kubelet wants an address to call the node's own.
modprobe dummy numdummies=0
ip link add node0 type dummy
ip address add 10.0.0.10/24 dev node0
ip link set node0 up
ip route add default via 10.0.0.1 dev node0
