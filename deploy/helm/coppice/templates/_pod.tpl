{{/* Common to every pod: pod security "restricted", and no token of the cluster, because no unit calls its API. */}}
{{- define "coppice.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "coppice.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where pods of a worker or a job may run. Called with its merged entry. */}}
{{- define "coppice.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
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
{{- end }}

{{/* One container: its binary by full path, since the image has no shell. Called with root, unit, config, name, command, args. */}}
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

{{/* Kubernetes replaces a pod when its policy changes. Secrets are references: after a change, restart the pods by hand. */}}
{{- define "coppice.podAnnotations" -}}
{{- $facts := get (include "coppice.units" .root | fromYaml) .unit | default dict -}}
{{- $annotations := deepCopy (.config.podAnnotations | default dict) -}}
{{- if and $facts.policy .root.Values.policy -}}
{{- $_ := set $annotations "checksum/policy" (sha256sum .root.Values.policy) -}}
{{- end -}}
{{- with $annotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}
