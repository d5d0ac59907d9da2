#!/usr/bin/env bash
# Tests the image and the chart in a cluster of kind on this machine, with the v4l2loopback of this machine's kernel,
# which creates the devices. For machines without other use. Needs docker, kind, kubectl, helm, sudo, and v4l2loopback
# installed (docs/nodes.md).
#
#   run.sh            runs the test; ends with exit code 0 if it passes, and leaves the cluster
#   run.sh --explain  shows the state of cluster and node, after a failure
#   run.sh --remove   removes cluster and devices
#
# No machine has run this yet. It assumes that a node of kind starts with the host's /dev mounted over its own (as
# reported in kubernetes-sigs/kind#3389), and that such a node has the host's /lib/modules.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cluster=video-device-plugin
image=docker.io/library/video-device-plugin
resource=meeting-baas.io/video-devices
devices=8
kubectl() { command kubectl --context "kind-$cluster" "$@"; }
in_plugin() { kubectl exec --namespace kube-system daemonset/video-device-plugin -- video-device-plugin "$@"; }
say() { printf '==> %s\n' "$*"; }
fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

explain() {
  uname -r
  modinfo v4l2loopback | head -n 8 || true
  ls -l /dev/video* /sys/class/video4linux || true
  kubectl get nodes --output yaml | grep -A 12 -E '^ +(allocatable|capacity):' || true
  kubectl get pods --all-namespaces --output wide || true
  kubectl describe pods --selector app=recorder | tail -n 40 || true
  kubectl logs --namespace kube-system daemonset/video-device-plugin --tail 200 || true
  in_plugin doctor || true
  sudo dmesg | tail -n 40 || true
}

# allocatable: number of devices that the node offers
allocatable() { kubectl get nodes --output "jsonpath={.items[0].status.allocatable.${resource//./\\.}}"; }

case ${1:-} in
  '') ;;
  --explain)
    explain
    exit
    ;;
  --remove)
    kind delete cluster --name "$cluster"
    sudo rmmod v4l2loopback
    exit
    ;;
  *) fail "unknown option $1" ;;
esac

say "the image"
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
./docker-build.sh --builder docker --tag "$image:$version"

say "a cluster"
# The plugin could load the module itself; here, this step fails if the kernel can't.
sudo modprobe videodev
kind create cluster --name "$cluster" --config test/kind/cluster.yaml --wait 180s
kind load docker-image --name "$cluster" "$image:$version"

say "the plugin"
helm install video-device-plugin deploy/helm/video-device-plugin --kube-context "kind-$cluster" \
  --namespace kube-system --set "image.repository=$image" --set "image.tag=$version" \
  --set image.pullPolicy=Never --wait --timeout 180s
for _ in $(seq 30); do
  [[ $(allocatable) == "$devices" ]] && break
  sleep 1
done
[[ $(allocatable) == "$devices" ]] || fail "the node offers $(allocatable) devices, expected $devices"
in_plugin doctor
in_plugin snapshot video10 --check

say "$devices pods"
kubectl apply --filename test/kind/pods.yaml
kubectl rollout status deployment/recorders --timeout 180s
got=$(kubectl logs --selector app=recorder --tail 1 --max-log-requests "$devices" | sort -u)
[[ $(wc -l <<<"$got") == "$devices" ]] || fail "$devices pods have these devices: $got"

say "one pod too many waits, and gets the device of one that goes"
kubectl apply --filename test/kind/late-pod.yaml
kubectl wait pod/late --for 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}=Unschedulable' --timeout 30s
kubectl scale deployment/recorders --replicas $((devices - 1))
kubectl wait pod/late --for condition=Ready --timeout 60s

say "the plugin restarts under them"
before=$(kubectl get pods --selector app=recorder --output 'jsonpath={.items[*].metadata.uid}')
kubectl rollout restart --namespace kube-system daemonset/video-device-plugin
kubectl rollout status --namespace kube-system daemonset/video-device-plugin --timeout 120s
after=$(kubectl get pods --selector app=recorder --output 'jsonpath={.items[*].metadata.uid}')
[[ $before == "$after" ]] || fail "pods were replaced: $before, now $after"

say "all as it should be"
