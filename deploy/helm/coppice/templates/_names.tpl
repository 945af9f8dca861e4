{{/* Prefix of every object's name. */}}
{{- define "coppice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- regexReplaceAll "-+$" (.Release.Name | trunc 30) "" -}}
{{- else -}}
{{- regexReplaceAll "-+$" (printf "%s-%s" .Release.Name .Chart.Name | trunc 30) "" -}}
{{- end -}}
{{- end }}

{{/* A version as a label or an image's tag, which cannot have a plus sign: Flux adds `+` and a digest to the chart's version. */}}
{{- define "coppice.label" -}}
{{- regexReplaceAll "[-_.]+$" (. | replace "+" "_" | trunc 63) "" -}}
{{- end }}

{{/* The facts about each unit: units.yaml, which values cannot change. */}}
{{- define "coppice.units" -}}
{{- .Files.Get "units.yaml" -}}
{{- end }}

{{/* Labels by which pods are found. Called with root, component and, for a branch, branch. */}}
{{- define "coppice.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .branch }}
coppice/branch: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Labels of every object. Called with root, component and, for a branch, branch and source. */}}
{{- define "coppice.labels" -}}
{{ include "coppice.selector" . }}
{{- with .component }}
coppice/unit: {{ . }}
{{- end }}
{{- with .source }}
coppice/source: {{ . | quote }}
{{- end }}
app.kubernetes.io/version: {{ include "coppice.label" .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ include "coppice.label" (printf "%s-%s" .root.Chart.Name .root.Chart.Version) }}
{{- end }}

{{/* By digest where there is one: a tag can be moved. */}}
{{- define "coppice.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default (include "coppice.label" $.Chart.AppVersion)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The values of a pod of the migration or of `helm test`: podDefaults, merged with its own. Called with root and own. */}}
{{- define "coppice.pod" -}}
{{- mergeOverwrite (deepCopy .root.Values.podDefaults) (deepCopy (.own | default dict)) | toYaml -}}
{{- end }}

{{/* The names of the units of a kind, for a sentence. */}}
{{- define "coppice.unitsOfKind" -}}
{{- $kind := .kind -}}
{{- $names := list -}}
{{- range $name, $facts := include "coppice.units" .root | fromYaml -}}
{{- if eq $facts.kind $kind -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- end -}}
{{- $names | sortAlpha | join ", " -}}
{{- end }}

{{/* Ends the rendering if there are faults. Called with a list of sentences. */}}
{{- define "coppice.refuse" -}}
{{- if . -}}
{{- fail (printf "\n\nThese values would not work:\n\n  * %s\n" (join "\n  * " (. | uniq))) -}}
{{- end -}}
{{- end }}
