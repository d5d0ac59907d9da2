/** Functions of a suite's script that plug in USB cameras and unplug them, on the virtual host controllers of vhci-hcd. */
export const cameraFunctions = `
# port PORT: the directory of the device at that port; there are 30 for each controller.
port() { echo /sys/devices/platform/vhci_hcd.$(($1 / 30))/usb*/*-$(($1 % 30 + 1)); }
# nodes PORT: the names of its video nodes, that of the pictures first.
nodes() { ls -d $(port $1)/*/video4linux/video* | sed 's|.*/||' | sort -V; }
has_nodes() { [ "$(nodes $1 | wc -l)" = 2 ] && for node in $(nodes $1); do [ -c /dev/$node ] || return 1; done; }
no_device() { ! ls -d $(port $1); }
# plug NAME PORT ARGUMENTS...: what is written to /run/NAME from then on, the camera does.
plug() {
  local name=$1
  shift
  rm -f "/run/$name"
  mkfifo "/run/$name"
  usb-camera "$@" <>"/run/$name" >"/log/camera-$name" 2>&1 &
  check "$name is plugged in" wait_for 120 has_nodes $1
}
# unplug NAME PORT
unplug() {
  echo unplug >"/run/$1"
  check "$1 is unplugged" wait_for 120 no_device $2
}
`;
