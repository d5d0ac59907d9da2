{{- define "video-device-plugin.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 45 | trimSuffix "-" }}
{{- end }}

{{- /* At most 45 characters, so that the path of the socket fits into a socket address (unix(7): 108 bytes). */ -}}
{{- define "video-device-plugin.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else if contains (include "video-device-plugin.name" .) .Release.Name }}
{{- .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "video-device-plugin.name" .) | trunc 45 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "video-device-plugin.selectorLabels" -}}
app.kubernetes.io/name: {{ include "video-device-plugin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The labels that no value can change: the selectors', and that of "kubectl logs" and of the monitors' job. */ -}}
{{- define "video-device-plugin.fixedLabels" -}}
name: video-device-plugin
{{ include "video-device-plugin.selectorLabels" . }}
{{- end }}

{{- define "video-device-plugin.labels" -}}
{{- include "video-device-plugin.labelsWith" (list . dict) }}
{{- end }}

{{- /* The labels of an object with further ones, as a list: the root, further labels. Each label is there once. */ -}}
{{- define "video-device-plugin.labelsWith" -}}
{{- $root := index . 0 }}
{{- $own := include "video-device-plugin.fixedLabels" $root | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/component" "device-plugin" }}
{{- $_ := set $own "app.kubernetes.io/version" $root.Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") }}
{{- toYaml (mergeOverwrite $own (deepCopy (default dict $root.Values.commonLabels)) (deepCopy (default dict (index . 1)))) }}
{{- end }}

{{- /* The chart's own secrets and those of a parent chart's "global", which may be names alone. */ -}}
{{- define "video-device-plugin.imagePullSecrets" -}}
{{- $secrets := list }}
{{- range concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) }}
{{- $secrets = append $secrets (ternary (dict "name" .) . (kindIs "string" .)) }}
{{- end }}
{{- with uniq $secrets }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- /* How Prometheus scrapes the metrics: the endpoint of a PodMonitor or a ServiceMonitor, from its values. */ -}}
{{- define "video-device-plugin.endpoint" -}}
- port: metrics
  interval: {{ .interval }}
  {{- with .scrapeTimeout }}
  scrapeTimeout: {{ . }}
  {{- end }}
  # "namespace", "pod" and "container" of device_owner_info are those of the device's owner.
  honorLabels: true
  relabelings:
    - sourceLabels: [__meta_kubernetes_pod_node_name]
      targetLabel: node
    {{- with .relabelings }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "video-device-plugin.serviceAccountName" -}}
{{- default (ternary (include "video-device-plugin.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "video-device-plugin.image" -}}
{{- $repository := required "image.repository: name an image; without a value of yours it is the released one" .Values.image.repository }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "video-device-plugin.stateDir" -}}
{{- default (printf "/var/lib/%s" (include "video-device-plugin.fullname" .)) .Values.hostPaths.state }}
{{- end }}

{{- define "video-device-plugin.program" -}}
/usr/bin/video-device-plugin
{{- end }}

{{- /* Checks of two values at once, which no schema can express. */ -}}
{{- define "video-device-plugin.validate" -}}
{{- $config := .Values.config }}
{{- if .Values.pools }}
{{- range $key := include "video-device-plugin.poolOptions" . | fromYamlArray }}
{{- if and (hasKey $config $key) (not (has $key (list "resourceName" "maxDevices"))) }}
{{- fail (printf "config.%s: it belongs to a pool; with pools set it there" $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- $first := int (default 10 $config.firstDeviceNumber) }}
{{- if hasKey $config "firstDeviceNumber" }}{{ $first = int $config.firstDeviceNumber }}{{ end }}
{{- $last := sub (add $first (int $config.maxDevices)) 1 }}
{{- if gt (int $last) 255 }}
{{- fail (printf "config.firstDeviceNumber: the last of config.maxDevices=%d devices would be video%d, and video255 is the highest possible one" (int $config.maxDevices) (int $last)) }}
{{- end }}
{{- if and (eq .Values.profile "restricted") $config.readyCameras }}
{{- fail "config.readyCameras: the profile restricted can't create and write ready cameras; use profile=full" }}
{{- end }}
{{- if and (eq .Values.profile "restricted") $config.preStartContainer }}
{{- fail "config.preStartContainer: the profile restricted can't reset devices; use profile=full" }}
{{- end }}
{{- if and (eq .Values.profile "restricted") $config.removeDevicesOnExit }}
{{- fail "config.removeDevicesOnExit: the profile restricted can't remove devices; use profile=full" }}
{{- end }}
{{- range $object := list "service" "podMonitor" "serviceMonitor" "prometheusRule" "dashboard" }}
{{- if and (index $.Values.metrics $object).enabled (not $config.enableMetrics) }}
{{- fail (printf "metrics.%s.enabled: there are no metrics without config.enableMetrics=true" $object) }}
{{- end }}
{{- end }}
{{- if and .Values.metrics.podMonitor.enabled .Values.metrics.serviceMonitor.enabled }}
{{- fail "metrics.serviceMonitor.enabled: with metrics.podMonitor.enabled Prometheus would scrape each pod twice; choose one" }}
{{- end }}
{{- $fixed := include "video-device-plugin.fixedLabels" . | fromYaml }}
{{- range $value := list "podLabels" "commonLabels" }}
{{- range $label := keys (default dict (index $.Values $value)) | sortAlpha }}
{{- if hasKey $fixed $label }}
{{- fail (printf "%s: the chart sets %s itself, and its selectors rely on it; nameOverride and fullnameOverride change names" $value $label) }}
{{- end }}
{{- end }}
{{- end }}
{{- $variables := list "MANAGE_DEVICES" }}
{{- range include "video-device-plugin.env" . | fromYamlArray }}{{ $variables = append $variables .name }}{{ end }}
{{- range .Values.extraEnv }}
{{- if has .name $variables }}
{{- fail (printf "extraEnv: the chart sets %s itself; set it in config, if it is there" .name) }}
{{- end }}
{{- end }}
{{- with .Values.updateStrategy.rollingUpdate }}
{{- $surges := not (has (toString .maxSurge) (list "0" "0%" "<nil>")) }}
{{- $withdraws := not (has (toString .maxUnavailable) (list "0" "0%" "<nil>")) }}
{{- if eq $surges $withdraws }}
{{- fail (printf "updateStrategy.rollingUpdate: Kubernetes wants one of maxSurge (%v) and maxUnavailable (%v) to be 0, and the other one above 0" .maxSurge .maxUnavailable) }}
{{- end }}
{{- end }}
{{- if and .Values.resourceQuota.enabled (not .Values.priorityClassName) }}
{{- fail "resourceQuota.enabled: there is no class to allow without priorityClassName" }}
{{- end }}
{{- end }}

{{- define "video-device-plugin.isSimulated" -}}
{{- if eq (default "v4l2loopback" .Values.config.driver | lower) "simulated" }}yes{{ end }}
{{- end }}

{{- /* If the affinity selects nodes by more than the default's labels. */ -}}
{{- define "video-device-plugin.hasOwnAffinity" -}}
{{- $keys := regexFindAll "\"key\":\"[^\"]*\"" (toJson .Values.affinity) -1 }}
{{- with without $keys `"key":"eks.amazonaws.com/compute-type"` `"key":"type"` }}yes{{ end }}
{{- end }}

{{- define "video-device-plugin.env" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- range $pair := include "video-device-plugin.variables" . | fromYamlArray }}
{{- $value := index $.Values.config (index $pair 0) }}
{{- $isOfPool := and $.Values.pools (has (index $pair 0) (include "video-device-plugin.poolOptions" $ | fromYamlArray)) }}
{{- if not (or (kindIs "invalid" $value) $isOfPool) }}
{{- /* YAML makes a float64 of each number, which is written as 1e+06 unless it has decimals. */}}
{{- $isWhole := and (kindIs "float64" $value) (eq (toString $value) (toString (float64 (int64 (ternary $value 0 (kindIs "float64" $value)))))) }}
- name: {{ index $pair 1 }}
  value: {{ ternary (toString (int64 (ternary $value 0 $isWhole))) (toString $value) $isWhole | quote }}
{{- end }}
{{- end }}
{{- if .Values.pools }}
- name: CONFIG_FILE
  value: /etc/video-device-plugin/pools.yaml
{{- end }}
# The node's /dev. Not at /dev, where the runtime mounts what a container needs (pts, shm, null). Allocate still
# answers with the node's own paths, /dev/video10 and so on.
- name: DEVICE_DIR
  value: /host/dev
- name: SOCKET_PATH
  value: /var/lib/kubelet/device-plugins/{{ include "video-device-plugin.fullname" . }}.sock
- name: STATE_DIR
  value: {{ include "video-device-plugin.stateDir" . }}
{{- if include "video-device-plugin.isSimulated" . }}
# The same path as on the node, because Allocate answers with it.
- name: SIMULATED_DIR
  value: {{ include "video-device-plugin.stateDir" . }}/simulated
{{- end }}
{{- end }}

{{- /* The config file with the pools. */ -}}
{{- define "video-device-plugin.poolsFile" -}}
apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  {{- toYaml .Values.pools | nindent 2 }}
{{- end }}

{{- /* Not empty if a pool has real devices. */ -}}
{{- define "video-device-plugin.hasRealDevices" -}}
{{- range .Values.pools }}{{ if hasKey . "devices" }}true{{ end }}{{ end }}
{{- end }}

{{- /* Where a container has that file: the whole directory, so that a new file reaches it. */ -}}
{{- define "video-device-plugin.poolsMount" -}}
{{- if .Values.pools }}
- name: pools
  mountPath: /etc/video-device-plugin
  readOnly: true
{{- end }}
{{- end }}

{{- /* The mounts of a container that creates devices: for loading a module, for its control device, for nodes. */ -}}
{{- define "video-device-plugin.makingMounts" -}}
- name: dev
  mountPath: /host/dev
{{- if .Values.hostPaths.modules }}
- name: modules
  mountPath: /lib/modules
  readOnly: true
{{- end }}
{{- if .Values.hostPaths.modprobe }}
- name: modprobe
  mountPath: /etc/modprobe.d
  readOnly: true
{{- end }}
{{- if .Values.hostPaths.boot }}
- name: boot
  mountPath: /boot
  readOnly: true
{{- end }}
- name: state
  mountPath: {{ include "video-device-plugin.stateDir" . }}
{{- end }}

{{- /* The part of a securityContext for a container that is "privileged" or "restricted". */ -}}
{{- define "video-device-plugin.seLinuxOptions" -}}
{{- $options := (index . 0).Values.seLinuxOptions }}
{{- if $options.enabled -}}
seLinuxOptions:
  {{- toYaml (index $options (index . 1)) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "video-device-plugin.privileged" -}}
# Loading a module takes CAP_SYS_MODULE; opening /dev/v4l2loopback and /dev/videoN takes a device cgroup that allows
# it; writing attributes takes a writable /sys. Only privileged containers have the latter two.
privileged: true
readOnlyRootFilesystem: true
runAsUser: 0
{{- with include "video-device-plugin.seLinuxOptions" (list . "privileged") }}
{{- . | nindent 0 }}
{{- end }}
{{- end }}
