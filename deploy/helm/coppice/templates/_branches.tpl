{{/*
The branches that follow from the file of sources: one unit for one source. units.yaml says which sources a unit has branches
for. A branch is called <unit>-<source>: its Deployment, its service account, its queue, its role.
*/}}

{{/* The names of the sources that a unit has branches for, as a list. Called with root and unit. */}}
{{- define "coppice.sourcesOf" -}}
{{- $config := .root.Values.config -}}
{{- $of := (get (include "coppice.units" .root | fromYaml) .unit | default dict).sources -}}
{{- $found := list -}}
{{- if kindIs "map" $of -}}
{{- range $name, $source := $config.sources -}}
{{- $has := false -}}
{{- if $of.role -}}
{{- $has = eq $of.role $source.role -}}
{{- else if $of.signIns -}}
{{- $has = has $source.connector $of.signIns -}}
{{- else if $of.pushes -}}
{{- $has = hasKey ($config.push | default dict) $name -}}
{{- end -}}
{{- if $has -}}
{{- $found = append $found $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end }}

{{/* All workers that are enabled, a branch each, as a list: path, unit, source, name and config, which has podDefaults, workerDefaults,
the unit's entry and the branch's entry, merged in this order. A later one also wins if its value is 0, false or []. */}}
{{- define "coppice.workers" -}}
{{- $root := . -}}
{{- $units := include "coppice.units" . | fromYaml -}}
{{- $workers := list -}}
{{- range $unit, $own := .Values.workers -}}
{{- $facts := get $units $unit | default dict -}}
{{- if eq ($facts.kind | default "") "worker" -}}
{{- $sources := kindIs "map" $facts.sources | ternary (include "coppice.sourcesOf" (dict "root" $root "unit" $unit) | fromJsonArray) (list "") -}}
{{- range $source := $sources -}}
{{- $name := (ne $source "") | ternary (printf "%s-%s" $unit $source) $unit -}}
{{- $branch := (ne $source "") | ternary (get $root.Values.branches $name | default dict) dict -}}
{{- $config := mergeOverwrite (deepCopy $root.Values.podDefaults) (deepCopy $root.Values.workerDefaults) (deepCopy ($own | default dict)) (deepCopy $branch) -}}
{{- if $config.enabled -}}
{{- $path := (not (empty $branch)) | ternary (printf "branches.%s" $name) (printf "workers.%s" $unit) -}}
{{- $workers = append $workers (dict "path" $path "unit" $unit "source" $source "name" $name "config" $config) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $workers | toJson -}}
{{- end }}

{{/* Not empty if webhook-ingress runs. */}}
{{- define "coppice.hasIngress" -}}
{{- range include "coppice.workers" . | fromJsonArray -}}
{{- if eq .unit "webhook-ingress" -}}
true
{{- end -}}
{{- end -}}
{{- end }}

{{/* A job's entry: the defaults, merged with its own. `unit` is filled in. Called with root, name and own. */}}
{{- define "coppice.job" -}}
{{- $job := mergeOverwrite (deepCopy .root.Values.podDefaults) (deepCopy .root.Values.jobDefaults) (deepCopy (.own | default dict)) -}}
{{- set $job "unit" ($job.unit | default .name) | toYaml -}}
{{- end }}

{{/* The same for the jobs that are enabled; `name` begins with the name of the entry. A job of resync-enqueuer has a CronJob for each source
whose queue it fills, and the source's name is its first argument. `account` is the service account's name, which is the branch's. */}}
{{- define "coppice.jobs" -}}
{{- $root := . -}}
{{- $units := include "coppice.units" . | fromYaml -}}
{{- $jobs := list -}}
{{- range $entry, $own := .Values.jobs -}}
{{- $job := include "coppice.job" (dict "root" $root "name" $entry "own" $own) | fromYaml -}}
{{- $facts := get $units $job.unit | default dict -}}
{{- if eq ($facts.kind | default "") "job" -}}
{{- $fills := eq ($facts.queue | default "") "filled" -}}
{{- $sources := list "" -}}
{{- if or $fills (kindIs "map" $facts.sources) -}}
{{- $sources = include "coppice.sourcesOf" (dict "root" $root "unit" ($fills | ternary $job.fills $job.unit)) | fromJsonArray -}}
{{- end -}}
{{- range $source := $sources -}}
{{- $name := (ne $source "") | ternary (printf "%s-%s" $entry $source) $entry -}}
{{- $branch := (ne $source "") | ternary (get $root.Values.branches $name | default dict) dict -}}
{{- $config := mergeOverwrite (deepCopy $job) (deepCopy $branch) -}}
{{- if $config.enabled -}}
{{- if $fills -}}
{{- $_ := set $config "args" (prepend $config.args $source) -}}
{{- end -}}
{{- $path := (not (empty $branch)) | ternary (printf "branches.%s" $name) (printf "jobs.%s" $entry) -}}
{{- $account := and (ne $source "") (not $fills) | ternary (printf "%s-%s" $job.unit $source) $job.unit -}}
{{- $jobs = append $jobs (dict "path" $path "unit" $job.unit "source" $source "name" $name "account" $account "config" $config) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $jobs | toJson -}}
{{- end }}

{{/* The service accounts of all pods, by name, each with its unit, source and branch. */}}
{{- define "coppice.accounts" -}}
{{- $accounts := dict -}}
{{- range include "coppice.workers" . | fromJsonArray -}}
{{- $_ := set $accounts .name (dict "unit" .unit "source" .source "branch" ((ne .source "") | ternary .name "")) -}}
{{- end -}}
{{- range include "coppice.jobs" . | fromJsonArray -}}
{{- $own := ne .account .unit -}}
{{- $_ := set $accounts .account (dict "unit" .unit "source" ($own | ternary .source "") "branch" ($own | ternary .account "")) -}}
{{- end -}}
{{- if .Values.tests -}}
{{- $_ := set $accounts "coppice" (dict "unit" "coppice" "source" "" "branch" "") -}}
{{- end -}}
{{- $accounts | toJson -}}
{{- end }}

{{/* The names that `branches` may have. */}}
{{- define "coppice.branchNames" -}}
{{- $root := . -}}
{{- $units := include "coppice.units" . | fromYaml -}}
{{- $names := list -}}
{{- range $unit := keys .Values.workers -}}
{{- range include "coppice.sourcesOf" (dict "root" $root "unit" $unit) | fromJsonArray -}}
{{- $names = append $names (printf "%s-%s" $unit .) -}}
{{- end -}}
{{- end -}}
{{- range $entry, $own := .Values.jobs -}}
{{- $job := include "coppice.job" (dict "root" $root "name" $entry "own" $own) | fromYaml -}}
{{- $fills := eq ((get $units $job.unit | default dict).queue | default "") "filled" -}}
{{- range include "coppice.sourcesOf" (dict "root" $root "unit" ($fills | ternary $job.fills $job.unit)) | fromJsonArray -}}
{{- $names = append $names (printf "%s-%s" $entry .) -}}
{{- end -}}
{{- end -}}
{{- $names | sortAlpha | uniq | toJson -}}
{{- end }}
