# shellcheck shell=bash disable=SC2034
# What the commands share. Their settings are variables of the container:
#   VIDEO_DEVICE  path of the camera; the plugin sets it
#   VIDEO_SIZE    size of the frames in pixels (default: 1280x720)
#   FRAME_RATE    frames per second (default: 30)
#   DURATION      how long to stream, in seconds (default: until the pod is deleted)
camera=${VIDEO_DEVICE:?"VIDEO_DEVICE is not set: give the container a limit of 1 meeting-baas.io/video-devices."}
# A ready camera is written at one path and read at another, VIDEO_CAMERA; a plain one at VIDEO_DEVICE alone.
shown=${VIDEO_CAMERA:-$camera}
size=${VIDEO_SIZE:-1280x720}
rate=${FRAME_RATE:-30}
duration=${DURATION:-}

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# is_simulated DEVICE: devices of the plugin's driver "simulated" have the number of /dev/null (1:3) and no V4L2.
is_simulated() { [[ $(stat --format=%t:%T "$1") == 1:3 ]]; }

# explain_simulated DEVICE: says so, where it is one. Frames that no program sees are worth no CPU: one a second is enough.
explain_simulated() {
  is_simulated "$1" || return 0
  rate=1
  say "this device is simulated: $1 takes frames like /dev/null and returns none. Real cameras need v4l2loopback on the node."
}

# write_picture DEVICE…: writes a moving test picture to the devices, in real time
write_picture() {
  local device outputs=()
  for device in "$@"; do
    outputs+=(${duration:+-t "$duration"} -pix_fmt yuv420p)
    if is_simulated "$device"; then outputs+=(-f rawvideo "$device"); else outputs+=(-f v4l2 "$device"); fi
  done
  exec ffmpeg -nostdin -hide_banner -loglevel warning -y -re -f lavfi -i "testsrc2=size=$size:rate=$rate" "${outputs[@]}"
}

# await_frames WRITER: until the process has written three frames; false if it ends before. It opens no device: a reader that
# comes before the first frame may keep the writer from beginning.
await_frames() {
  local frame=$((${size%x*} * ${size#*x} * 3 / 2)) written
  until written=$(sed -n 's/^wchar: //p' "/proc/$1/io" 2>/dev/null) && ((${written:-0} >= 3 * frame)); do
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.2
  done
}
