# The network of a node without any. Sourced by prepare.sh.
# The kubelet wants an address to call the node's own.
modprobe dummy numdummies=0
ip link add node0 type dummy
ip address add 10.0.0.10/24 dev node0
ip link set node0 up
ip route add default via 10.0.0.1 dev node0
