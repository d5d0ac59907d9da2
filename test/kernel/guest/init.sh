#!/bin/busybox sh
# The VM's PID 1: makes the machine a node-like place, runs the test's script, hands everything over, and
# powers off. /vm/limit holds the script's time limit in seconds.
/bin/busybox mkdir -p /proc /sys /run /tmp /root /log /sbin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
# The kernel runs this path when a module is asked for by name (request_module).
ln -s /bin/busybox /sbin/modprobe
hostname vm-node
ip link set lo up

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
. /vm/lib.sh
stty -F "$REPORT_PORT" raw -echo
read -r booted _ </proc/uptime
report boot "$booted"

limit=$(cat /vm/limit)
timeout -k 5 "$limit" sh /vm/script.sh
code=$?
# timeout's exit code alone could as well be that of a process the script waited for.
read -r ended _ </proc/uptime
[ $((${ended%.*} - ${booted%.*})) -lt "$limit" ] || report timed-out

dmesg >/log/dmesg
for file in /log/*; do put "$file"; done
read -r uptime _ </proc/uptime
report uptime "$uptime"
# Last, as the host takes its absence for a crash.
report exit "$code"
poweroff -f
