# The network of a node in QEMU's user network. Sourced by prepare.sh.
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2 dev eth0
