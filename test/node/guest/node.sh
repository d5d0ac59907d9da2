# shellcheck shell=bash disable=SC2154
# What a story of a node may use, beside lib.sh.
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
stty -F "$REPORT_PORT" raw -echo
report boot "$(cut -d' ' -f1 /proc/uptime)"
manifests=/etc/kubernetes/manifests
resource=meeting-baas.io/video-devices

# finish CODE: hands the logs over and powers off.
finish() {
  trap - EXIT
  keep_logs
  local file
  for file in "$kept"/*; do put "$file"; done
  report uptime "$(cut -d' ' -f1 /proc/uptime)"
  report exit "$1"
  sync
  poweroff -f
  sleep 600
}
trap 'finish $?' EXIT

# The journal and the pods' last words, under names of this boot: they would not outlive it.
kept=/var/lib/story
keep_logs() {
  local boot file
  boot=$(($(cat "$kept/boots" 2>/dev/null || echo 0) + 1))
  mkdir -p "$kept"
  echo "$boot" >"$kept/boots"
  journalctl --no-pager -o short-monotonic -b --no-hostname | grep -v ' kernel: ' >"$kept/$boot-journal" 2>&1
  dmesg >"$kept/$boot-dmesg"
  for file in /var/log/pods/*/*/*.log; do
    [ -e "$file" ] || continue
    tail -n 80 "$file" >"$kept/$boot-$(basename "${file%/*/*}" | cut -d_ -f2)-$(basename "$file")"
  done
}

# reboot_node: as an administrator does, pods and all. The story is run again then.
reboot_node() {
  keep_logs
  trap - EXIT
  systemctl reboot
  sleep 600
}
first_boot() { [ ! -e "$kept/boots" ]; }

# must NAME COMMAND...: a check without which the rest of the story means nothing.
must() {
  check "$@" || finish 1
}

# eventually COMMAND...: wait_for with the longest time that anything may take on an emulated node on a busy machine.
eventually() { wait_for 300 "$@"; }

# now_ms: by the node's clock, which containers' logs have, too.
now_ms() { date +%s%3N; }

kubelet_answers() { busybox wget -qO /dev/null http://127.0.0.1:10255/pods; }

# node_start IMAGE...: containerd with these images, and a kubelet that answers and has somewhere to read pods from.
node_start() {
  mkdir -p "$manifests"
  must "containerd answers" eventually ctr version
  local image
  for image in "$@"; do
    must "${image##*/} is imported" ctr --namespace k8s.io images import "$image"
  done
  must "the kubelet answers" eventually kubelet_answers
}

# The kubelet computes its node's status for each request of this page, and logs what it sets.
allocatable() {
  local cursor capacity
  cursor=$(journalctl -u kubelet -n 0 --show-cursor -o cat | sed -n 's/^-- cursor: //p')
  busybox wget -qO /dev/null 'http://127.0.0.1:10255/stats/summary?only_cpu_and_memory=true' || return 1
  journalctl -u kubelet --after-cursor "$cursor" -o cat >/run/status
  capacity=$(sed -n "s#.*Updated capacity for device plugin\" plugin=\"$resource\" capacity=\\([0-9]*\\).*#\\1#p" /run/status | tail -n 1)
  sed -n "s#.*Updated allocatable\" device=\"$resource\" allocatable=\\([0-9]*\\).*#\\1#p" /run/status | tail -n 1 | grep . || echo "${capacity:-0}"
}
allocatable_is() { [ "$(allocatable)" = "$1" ]; }

# camera_pod NAME: a pod with one camera, which it looks through for what anybody left, and then streams its
# own name through.
camera_pod() {
  local name=$1 libraries=/opt/programs/usr/lib/x86_64-linux-gnu
  sed "s#^    ##" >"/run/$name.yaml" <<POD
    apiVersion: v1
    kind: Pod
    metadata: {name: $name, namespace: default}
    spec:
      hostNetwork: true
      terminationGracePeriodSeconds: 2
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext: {runAsUser: 1000, runAsGroup: 1000}
      volumes:
      - {name: usr, hostPath: {path: /usr}}
      - {name: programs, hostPath: {path: /opt/programs}}
      containers:
      - name: camera
        image: vdp.invalid/busybox:e2e
        imagePullPolicy: Never
        env:
        - {name: tenant, value: "$name"}
        - {name: PATH, value: "/usr/local/bin:/bin"}
        - {name: ffmpeg, value: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path $libraries:/usr/lib/x86_64-linux-gnu /opt/programs/usr/bin/ffmpeg -hide_banner -nostdin -loglevel error"}
        command: [/bin/busybox, sh, -c]
        args: ["$(echo "$stream" | tr '\n' ' ')"]
        volumeMounts:
        - {name: usr, mountPath: /usr, readOnly: true}
        - {name: programs, mountPath: /opt/programs, readOnly: true}
        # As pods that stream have: without, they would get what the others leave of an emulated CPU.
        resources: {requests: {cpu: 500m}, limits: {$resource: 1}}
POD
  mv "/run/$name.yaml" "$manifests/$name.yaml"
}

# What such a pod runs: numbered frames are fed into the camera, a second process reads them back, a third says
# how that goes. One frame a second, since v4l2loopback 0.12.7 skips frames for a reader that is more than two behind
# (get_capture_buffer, "read_position + 2"; 0.15 for one that is behind by more than the buffers): at 4 a second an
# emulated CPU under load lost some, and passed on one while it was overwritten.
stream='
  for name in carol alice bob; do found=$found:$name:$(v4l2-tool search $VIDEO_DEVICE 160 120 $name); done;
  (while :; do echo boot $(busybox cat /proc/sys/kernel/random/boot_id) $found; busybox sleep 5; done) &
  frame-numbers write 160 120 1 $tenant | $ffmpeg -f rawvideo -pix_fmt yuyv422 -s 160x120 -r 1 -i - -f v4l2 $VIDEO_DEVICE &
  while ! $ffmpeg -f v4l2 -i $VIDEO_DEVICE -frames:v 1 -f null -; do busybox sleep 1; done 2>/dev/null;
  $ffmpeg -f v4l2 -i $VIDEO_DEVICE -fps_mode passthrough -f rawvideo - | frame-numbers check 160 120 $tenant;
  busybox sleep 2147483647'

# What a pod has written in this boot, from whichever of its logs. What it found is in it again and again, since a log
# can lose its beginning: after a reboot, one had only what came after its kubelet reopened it.
output() {
  cat /var/log/pods/default_"$1"-vm-node_*/camera/*.log 2>/dev/null | sort | cut -d' ' -f4- |
    awk -v start="boot $(cat /proc/sys/kernel/random/boot_id)" 'index($0, start) == 1 { begun = 1 } begun'
}
found() { output "$1" | grep '^boot' | tail -n 1; }
said() { output "$1" | grep '^{' | tail -n 1; }

# number NAME FIELD: of what frame-numbers said last.
number() { said "$1" | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"; }

# streams NAME FRAMES: at least so many whole frames have come through.
streams() { [ "$(number "$1" frames || echo 0)" -ge "$2" ] 2>/dev/null; }

# goes_on NAME: frames come now, and none so far was lost, torn or another tenant's.
goes_on() {
  local before
  before=$(number "$1" frames)
  eventually streams "$1" $((before + 5)) || { echo "no frames come"; said "$1"; return 1; }
  said "$1"
  said "$1" | grep -q '"lost":0,"torn":0,"foreign":0'
}
go_on() {
  local name
  for name in "$@"; do goes_on "$name" || return 1; done
}

# saw_nothing NAME: nothing of the tenant before it, nor a frame of another tenant since. That this look finds
# frames where there are some is a scenario of test/kernel/driver/programs.ts.
saw_nothing() {
  found "$1"
  found "$1" | grep -q '_bytes":[1-9]' || return 1
  if found "$1" | grep -q '_found":[1-9]'; then return 1; fi
  goes_on "$1"
}

# refused NAME: the kubelet would not admit the pod, and never will.
refused() {
  busybox wget -qO- http://127.0.0.1:10255/pods | sed 's/{"metadata":{"name":"/\n&/g' |
    grep "^{\"metadata\":{\"name\":\"$1-vm-node\"" | grep -q '"reason":"UnexpectedAdmissionError"'
}

# running LABEL VALUE: containers of which the kubelet says so.
running() {
  ctr --namespace k8s.io tasks list | awk '$3 == "RUNNING" { print $1 }' | sort >/run/running
  ctr --namespace k8s.io containers list -q "labels.\"io.kubernetes.$1\"==$2" | sort | comm -12 - /run/running
}
# The kubelet forgets a static pod at once when its file is removed, its device free, while its containers still run.
pod_gone() { [ -z "$(running pod.name "$1-vm-node")" ]; }
containers_of() {
  local name
  for name in "$@"; do running pod.name "$name-vm-node"; done
}
device_of() {
  tr '\0' '\n' <"/proc/$(pgrep -f "frame-numbers check 160 120 $1\$" | head -n 1)/environ" | sed -n 's/^VIDEO_DEVICE=//p'
}
