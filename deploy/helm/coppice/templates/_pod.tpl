{{/* Common to every pod: pod security "restricted", and no token of the cluster, because no unit calls its API. */}}
{{- define "coppice.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- range $name := list "runAsUser" "runAsGroup" "fsGroup" }}
  {{- if not (kindIs "invalid" (index $.Values.podUser $name)) }}
  {{ $name }}: {{ include "coppice.text" (index $.Values.podUser $name) }}
  {{- end }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "coppice.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Labels of a pod; those of the chart win, because selectors find the pod by them. Called with config and labels. */}}
{{- define "coppice.podLabels" -}}
{{- merge (fromYaml .labels) (.config.podLabels | default dict) | toYaml -}}
{{- end }}

{{/* Where a pod may run. Called with config, which is its merged entry, and selector. */}}
{{- define "coppice.placement" -}}
{{- $selector := .selector -}}
{{- with .config -}}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $spread := .topologySpread | default dict }}
{{- if or $spread.enabled .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- if $spread.enabled }}
  {{- range $spread.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
    # Each version separately; otherwise the new pods are unevenly spread after a rollout.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
  {{- end }}
  {{- with .topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* One container: its binary by full path, since the image has no shell. Called with root, unit, config, name, command, args and, for a
branch, source and branch. */}}
{{- define "coppice.container" -}}
name: {{ .name }}
image: {{ include "coppice.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [/usr/local/bin/{{ .command }}]
{{- with .args }}
args:
  {{- range . }}
  - {{ include "coppice.text" . | quote }}
  {{- end }}
{{- end }}
env:
  {{- include "coppice.environment" . | trim | nindent 2 }}
volumeMounts:
  {{- include "coppice.volumeMounts" . | trim | nindent 2 }}
securityContext:
  {{- include "coppice.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .config.resources | nindent 2 }}
{{- end }}

{{/* Kubernetes replaces a pod when its part of the file changes. Secrets are references: after a change, restart the pods by hand. */}}
{{- define "coppice.podAnnotations" -}}
{{- $facts := get (include "coppice.units" .root | fromYaml) .unit | default dict -}}
{{- $annotations := deepCopy (.config.podAnnotations | default dict) -}}
{{- if and $facts.config (or .source $facts.server) -}}
{{- $_ := set $annotations "checksum/config" (include "coppice.configChecksum" .) -}}
{{- end -}}
{{- with $annotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}
