# What a story of a node may use, beside lib.sh.
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
stty -F "$REPORT_PORT" raw -echo
report boot "$(cut -d' ' -f1 /proc/uptime)"
manifests=/etc/kubernetes/manifests
resource=meeting-baas.io/video-devices

# finish CODE: hands the logs over and powers off.
finish() {
  journalctl --no-pager -o short-monotonic -b >/run/journal 2>&1
  dmesg >/run/dmesg
  mkdir -p /run/pods
  for file in /var/log/pods/*/*/*.log; do
    [ -e "$file" ] || continue
    tail -n 60 "$file" >"/run/pods/$(basename "$(dirname "$(dirname "$file")")")-$(basename "$(dirname "$file")")"
  done
  for file in /run/journal /run/dmesg /run/pods/*; do put "$file"; done
  report uptime "$(cut -d' ' -f1 /proc/uptime)"
  report exit "$1"
  sync
  poweroff -f
}
trap 'finish $?' EXIT

kubelet_answers() { busybox wget -qO /dev/null http://127.0.0.1:10255/pods; }

# node_start IMAGE...: containerd with these images, and a kubelet that answers.
node_start() {
  check "containerd answers" wait_for 60 ctr version
  local image
  for image in "$@"; do
    check "${image##*/} is imported" ctr --namespace k8s.io images import "$image"
  done
  check "the kubelet answers" wait_for 120 kubelet_answers
}

# The kubelet computes its node's status anew for this page, and logs what it sets.
allocatable() {
  local cursor capacity
  cursor=$(journalctl -u kubelet -n 0 --show-cursor -o cat | sed -n 's/^-- cursor: //p')
  busybox wget -qO /dev/null 'http://127.0.0.1:10255/stats/summary?only_cpu_and_memory=true' || return 1
  journalctl -u kubelet --after-cursor "$cursor" -o cat >/run/status
  capacity=$(sed -n "s#.*Updated capacity for device plugin\" plugin=\"$resource\" capacity=\\([0-9]*\\).*#\\1#p" /run/status | tail -n 1)
  sed -n "s#.*Updated allocatable\" device=\"$resource\" allocatable=\\([0-9]*\\).*#\\1#p" /run/status | tail -n 1 | grep . || echo "${capacity:-0}"
}
allocatable_is() { [ "$(allocatable)" = "$1" ]; }

# camera_pod NAME TENANT COMMAND: a pod with one camera. COMMAND may use $ffmpeg, and $VIDEO_DEVICE.
camera_pod() {
  local libraries=/opt/programs/usr/lib/x86_64-linux-gnu
  sed "s#^    ##" >"/run/$1.yaml" <<POD
    apiVersion: v1
    kind: Pod
    metadata: {name: $1, namespace: default}
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
        - {name: tenant, value: "$2"}
        - {name: PATH, value: "/usr/local/bin:/bin"}
        - {name: ffmpeg, value: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path $libraries:/usr/lib/x86_64-linux-gnu /opt/programs/usr/bin/ffmpeg -hide_banner -nostdin -loglevel error"}
        command: [/bin/busybox, sh, -c]
        args: ["$(echo "$3" | tr '\n' ' ')"]
        volumeMounts:
        - {name: usr, mountPath: /usr, readOnly: true}
        - {name: programs, mountPath: /opt/programs, readOnly: true}
        resources: {limits: {$resource: 1}}
POD
  mv "/run/$1.yaml" "$manifests/$1.yaml"
}

# Feeds numbered frames into the camera, reads them back in a second process, and says how that goes.
stream='
  frame-numbers write 160 120 5 $tenant | $ffmpeg -f rawvideo -pix_fmt yuyv422 -s 160x120 -r 5 -i - -f v4l2 $VIDEO_DEVICE &
  while ! $ffmpeg -f v4l2 -i $VIDEO_DEVICE -frames:v 1 -f null -; do busybox sleep 1; done 2>/dev/null;
  $ffmpeg -f v4l2 -i $VIDEO_DEVICE -fps_mode passthrough -f rawvideo - | frame-numbers check 160 120 $tenant;
  busybox sleep 2147483647'

# The last line of a pod's output; its log is the youngest one of its name.
said() {
  local log
  log=$(ls -t /var/log/pods/default_"$1"-vm-node_*/camera/*.log 2>/dev/null | head -n 1)
  [ -n "$log" ] && tail -n 1 "$log" | cut -d' ' -f4-
}

# number NAME FIELD: of what frame-numbers said last.
number() { said "$1" | sed -n "s/.*\"$2\":\\([0-9]*\\).*/\\1/p"; }

# streams NAME FRAMES: at least so many whole frames have come through.
streams() { [ "$(number "$1" frames || echo 0)" -ge "$2" ] 2>/dev/null; }

# goes_on NAME: frames come now.
goes_on() {
  local before
  before=$(number "$1" frames)
  wait_for 60 streams "$1" $((before + 10))
}

# unharmed NAME: nothing of it was lost, torn or somebody else's so far.
unharmed() {
  said "$1"
  said "$1" | grep -q '"lost":0,"torn":0,"foreign":0'
}

pod_gone() { ! ls -d /var/log/pods/default_"$1"-vm-node_* >/dev/null 2>&1; }
container_of() { ctr --namespace k8s.io containers list -q "labels.\"io.kubernetes.pod.name\"==$1-vm-node,labels.\"io.kubernetes.container.name\"==camera"; }
device_of() { sed -n 's/.*VIDEO_DEVICE=//p' "/proc/$(pgrep -f "frame-numbers check 160 120 $1" | head -n 1)/environ" | head -c 12; }
