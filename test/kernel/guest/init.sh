#!/bin/busybox sh
# The VM's PID 1: makes the machine a node-like place, runs the test's scripts one after the other, each as if it were
# alone, hands everything over, and powers off. Each directory of /vm/scripts has a script, its name and its time
# limit in seconds.
/bin/busybox mkdir -p /proc /sys /run /tmp /root /log /sbin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
hostname vm-node
ip link set lo up
mounts=$(wc -l </proc/mounts)

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
. /vm/lib.sh
stty -F "$REPORT_PORT" raw -echo
read -r booted _ </proc/uptime
report boot "$booted"

# Of the kernel 6.12, vivid keeps a use of rc_core when it is unloaded, so that this one stays.
no_modules() { ! grep -qv '^rc_core ' /proc/modules; }

# One needs another: what can't go in this round goes in the next.
unload_modules() {
  cut -d' ' -f1 /proc/modules | while read -r module; do rmmod "$module"; done
  no_modules
}

# Takes away all that a script may have left for the next one: modules, device nodes, mounts, files, kernel messages.
# Fails if something can't be taken away. Its processes have ended.
clean_slate() {
  tail -n +$((mounts + 1)) /proc/mounts | cut -d' ' -f2 | tac | while read -r mount; do umount "$mount"; done
  mount -o remount,rw /sys
  wait_for 10 unload_modules
  rm -rf /dev/video* /dev/v4l2loopback /log /run/* /tmp/* /var
  mkdir /log
  # Programs that it removed. The kernel runs /sbin/modprobe when a module is asked for by name (request_module).
  /bin/busybox --install -s /bin
  ln -sf /bin/busybox /sbin/modprobe
  dmesg -c >/dev/null
  no_modules && [ "$(wc -l </proc/mounts)" = "$mounts" ]
}

clean_slate
for script in /vm/scripts/*; do
  read -r begun _ </proc/uptime
  report script "$(cat "$script/name")" "$begun"
  limit=$(cat "$script/limit")
  timeout -k 5 "$limit" sh "$script/script.sh"
  code=$?
  # timeout's exit code alone could as well be that of a process the script waited for.
  read -r ended _ </proc/uptime
  [ $((${ended%.*} - ${begun%.*})) -lt "$limit" ] || report timed-out
  kill -9 -1 # all but this process

  dmesg >/log/dmesg
  for file in /log/*; do put "$file"; done
  problem=$(clean_slate 2>&1) || fail "nothing it left stays for the next script" "$problem $(cat /proc/modules /proc/mounts)"
  read -r uptime _ </proc/uptime
  report uptime "$uptime"
  # Last, as the host takes its absence for a crash.
  report exit "$code"
done
poweroff -f
