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

{{/* Labels by which pods are found. Called with root and component. */}}
{{- define "coppice.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Labels of every object. Called with root and component. */}}
{{- define "coppice.labels" -}}
{{ include "coppice.selector" . }}
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

{{/* A worker's values: the defaults, merged with its own entry, also if a value there is 0, false or []. */}}
{{- define "coppice.worker" -}}
{{- $defaults := mergeOverwrite (deepCopy .root.Values.podDefaults) (deepCopy .root.Values.workerDefaults) -}}
{{- mergeOverwrite $defaults (deepCopy (.own | default dict)) | toYaml -}}
{{- end }}

{{/* As coppice.worker, for a job; `unit` is filled in. Called with root, name and own. */}}
{{- define "coppice.job" -}}
{{- $defaults := mergeOverwrite (deepCopy .root.Values.podDefaults) (deepCopy .root.Values.jobDefaults) -}}
{{- $job := mergeOverwrite $defaults (deepCopy (.own | default dict)) -}}
{{- set $job "unit" ($job.unit | default .name) | toYaml -}}
{{- end }}

{{/* The names of all units that run as pods, as a list: each needs a service account. */}}
{{- define "coppice.deployedUnits" -}}
{{- $root := . -}}
{{- $deployed := dict -}}
{{- range $name, $own := .Values.workers -}}
{{- if (include "coppice.worker" (dict "root" $root "own" $own) | fromYaml).enabled -}}
{{- $_ := set $deployed $name true -}}
{{- end -}}
{{- end -}}
{{- range $name, $own := .Values.jobs -}}
{{- $job := include "coppice.job" (dict "root" $root "name" $name "own" $own) | fromYaml -}}
{{- if $job.enabled -}}
{{- $_ := set $deployed $job.unit true -}}
{{- end -}}
{{- end -}}
{{- if .Values.tests -}}
{{- $_ := set $deployed "coppice" true -}}
{{- end -}}
{{- keys $deployed | sortAlpha | toJson -}}
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
