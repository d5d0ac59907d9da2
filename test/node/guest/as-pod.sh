# shellcheck shell=bash disable=SC2034,SC2154
# The plugin as its DaemonSet has it: a pod from the image.
# First comes e2e, then the same under another name, as the image of another version.
images=(/story/plugin.tar)

plugin_install() {
  ctr --namespace k8s.io images tag vdp.invalid/video-device-plugin:e2e vdp.invalid/video-device-plugin:next
  cp /story/pods/plugin-a.json "$manifests/"
}

# What a rolling update with maxSurge 0 does: the old pod ends, then there is one of another name.
plugin_upgrade() {
  ending=$(now_ms)
  rm "$manifests/plugin-a.json"
  eventually pod_gone video-device-plugin-a && cp /story/pods/plugin-b.json "$manifests/"
}

# plugin COMMAND...: as `kubectl exec` has it.
plugin() {
  ctr --namespace k8s.io tasks exec --exec-id "story-$RANDOM" \
    "$(running container.name video-device-plugin)" /usr/bin/video-device-plugin "$@"
}
plugin_log() { cat /var/log/pods/kube-system_video-device-plugin-*/video-device-plugin/*.log | cut -d' ' -f4- | sort; }
