#!/bin/busybox sh
# The initramfs's only work: drivers for the disk, then the disk's own init.
/bin/busybox mkdir -p /proc /dev /root
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in $(/bin/busybox cat /early-modules); do /bin/busybox insmod "/modules/$module"; done
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 100 ]; do
  /bin/busybox sleep 0.1
  tries=$((tries + 1))
done
/bin/busybox mount -t ext4 /dev/vda /root
# What the story lays over the disk's files, before systemd reads them.
/bin/busybox mount -t ext4 -o ro /dev/vdb /root/story
if [ -d /root/story/root ]; then /bin/busybox cp -a /root/story/root/. /root/; fi
/bin/busybox umount /root/story
/bin/busybox mount --move /dev /root/dev
/bin/busybox umount /proc
exec /bin/busybox switch_root /root /sbin/init
