{{/* The file of sources: coppice.toml, which is `config` of the values. */}}

{{/* Makes whole numbers integers again: Helm holds every number as a float, and TOML tells 10 from 10.0. Changes the map. */}}
{{- define "coppice.withIntegers" -}}
{{- $map := . -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}
{{- include "coppice.withIntegers" $value -}}
{{- else if and (kindIs "float64" $value) (eq (floor $value) $value) -}}
{{- $_ := set $map $key (int64 $value) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "coppice.configFile" -}}
{{- $config := deepCopy .Values.config -}}
{{- include "coppice.withIntegers" $config -}}
{{- $config | toToml -}}
{{- end }}

{{/* Changes if a part of the file changes that concerns this pod. For a branch: its source's table, and what all sources share. For
the unit that takes all webhooks: the sources that send some. So another source restarts no other pod. Called with root and source. */}}
{{- define "coppice.configChecksum" -}}
{{- $config := .root.Values.config -}}
{{- if .source -}}
{{- dict "shared" (omit $config "sources") "own" (get $config.sources .source) | toJson | sha256sum -}}
{{- else -}}
{{- $sending := dict -}}
{{- range $name, $source := $config.sources -}}
{{- if $source.webhook_secrets -}}
{{- $_ := set $sending $name $source -}}
{{- end -}}
{{- end -}}
{{- $sending | toJson | sha256sum -}}
{{- end -}}
{{- end }}

{{/* The names of the secrets in a table, each with a line break. */}}
{{- define "coppice.secretNames" -}}
{{- if kindIs "map" . -}}
{{- if and (eq (len .) 1) (kindIs "string" .secret) -}}
{{- .secret }}
{{ else -}}
{{- range . -}}
{{- include "coppice.secretNames" . -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" . -}}
{{- range . -}}
{{- include "coppice.secretNames" . -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The sources whose secrets a pod gets, as a list: that of its branch alone, or all if its unit calls all or takes their webhooks. */}}
{{- define "coppice.sourcesWithSecrets" -}}
{{- $facts := get (include "coppice.units" .root | fromYaml) .unit | default dict -}}
{{- if .source -}}
{{- list .source | toJson -}}
{{- else if has (toString $facts.sources) (list "all" "webhooks") -}}
{{- keys (.root.Values.config.sources | default dict) | sortAlpha | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end }}

{{/* The secrets of a pod's sources, as a map from a secret's name to the Secret that has it. The unit that takes webhooks gets what
proves these, and no other pod does. Without unit: all secrets. */}}
{{- define "coppice.sourceSecrets" -}}
{{- $root := .root -}}
{{- $found := dict -}}
{{- $facts := get (include "coppice.units" .root | fromYaml) .unit | default dict -}}
{{- $unit := .unit -}}
{{- range $source := include "coppice.sourcesWithSecrets" . | fromJsonArray -}}
{{- $secret := (get $root.Values.secrets $source | default dict).existingSecret | default $root.Values.secrets.existingSecret -}}
{{- $table := get $root.Values.config.sources $source -}}
{{- if eq (toString $facts.sources) "webhooks" -}}
{{- $table = pick $table "webhook_secrets" -}}
{{- else if $unit -}}
{{- $table = omit $table "webhook_secrets" -}}
{{- end -}}
{{- range $name := include "coppice.secretNames" $table | trim | splitList "\n" -}}
{{- if $name -}}
{{- $_ := set $found $name $secret -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end }}
