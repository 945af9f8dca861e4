{{/*
The settings of a unit. Called with root, unit, config, which is the merged entry of a worker or a job, and, for a branch,
source and branch.

Plain settings are variables. Secrets are files, named by NAME_FILE: everyone who may read pods sees a variable in
`kubectl describe`, and child processes inherit it.
*/}}

{{/* A value of a setting as text: Helm holds every number as a float, and would write a million as 1e+06. */}}
{{- define "coppice.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . -}}{{- int64 . -}}{{- else -}}{{- . -}}{{- end -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end }}

{{/* The certificate authority of the database, if one is given: the volume's source, as YAML. */}}
{{- define "coppice.databaseCa" -}}
{{- with .Values.database -}}
{{- if .caSecret.name -}}
secret:
  secretName: {{ .caSecret.name | quote }}
  items:
    - {key: {{ .caSecret.key | quote }}, path: ca.crt}
{{- else if .caConfigMap.name -}}
configMap:
  name: {{ .caConfigMap.name | quote }}
  items:
    - {key: {{ .caConfigMap.key | quote }}, path: ca.crt}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The Secrets that are mounted, as JSON: the folder's name, the Secret's, its keys, the variable of each. */}}
{{- define "coppice.secrets" -}}
{{- $root := .root -}}
{{- $secrets := list -}}
{{- $database := .config.databaseSecret -}}
{{- if not $database.name -}}
{{- $database = $root.Values.database.secret -}}
{{- if $root.Values.database.sqlRoles -}}
{{- $database = dict "name" $database.name "key" .unit -}}
{{- end -}}
{{- end -}}
{{- $secrets = append $secrets (dict "folder" "database" "secret" $database.name "files" (dict "DATABASE_URL" $database.key)) -}}
{{- $sources := dict -}}
{{- if (get (include "coppice.units" $root | fromYaml) .unit | default dict).content -}}
{{- $_ := set $sources "content" $root.Values.content.secret -}}
{{- end -}}
{{- with .config.secret -}}
{{- $_ := set $sources "own" . -}}
{{- end -}}
{{- range $folder := keys $sources | sortAlpha -}}
{{- $source := get $sources $folder -}}
{{- if and $source.name $source.keys -}}
{{- $files := dict -}}
{{- range $source.keys -}}
{{- $_ := set $files . . -}}
{{- end -}}
{{- $secrets = append $secrets (dict "folder" $folder "secret" $source.name "files" $files) -}}
{{- end -}}
{{- end -}}
{{- $secrets | toJson -}}
{{- end }}

{{/* The variables, sorted by name: later sources win over earlier ones. */}}
{{- define "coppice.environment" -}}
{{- $root := .root -}}
{{- $config := .config -}}
{{- $facts := get (include "coppice.units" $root | fromYaml) .unit | default dict -}}
{{- $variables := dict -}}
{{- if $facts.bus -}}
{{- $_ := set $variables "COPPICE_BUS_NAME" (include "coppice.busName" .) -}}
{{- end -}}
{{- if eq ($facts.queue | default "") "own" -}}
{{- $_ := set $variables "COPPICE_QUEUE_URL" (include "coppice.queueUrl" (dict "root" $root "branch" .branch)) -}}
{{- $_ := set $variables "COPPICE_DLQ_URL" (include "coppice.dlqUrl" (dict "root" $root "branch" .branch)) -}}
{{- $_ := set $variables "COPPICE_SOURCE" .source -}}
{{- else if eq ($facts.queue | default "") "filled" -}}
{{- $_ := set $variables "COPPICE_QUEUE_URL" (include "coppice.queueUrl" (dict "root" $root "branch" (printf "%s-%s" $config.fills .source))) -}}
{{- else if eq ($facts.queue | default "") "audited" -}}
{{- $unit := .unit -}}
{{- $queues := dict -}}
{{- range $filled, $its := include "coppice.units" $root | fromYaml -}}
{{- if has $unit ($its.fedBy | default list) -}}
{{- range $source := include "coppice.sourcesOf" (dict "root" $root "unit" $filled) | fromJsonArray -}}
{{- $branch := printf "%s-%s" $filled $source -}}
{{- with include "coppice.queueUrl" (dict "root" $root "branch" $branch) -}}
{{- $_ := set $queues $branch . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set $variables "COPPICE_QUEUE_URLS" (toJson $queues) -}}
{{- end -}}
{{- if $facts.log -}}
{{- $_ := set $variables "COPPICE_LOG" $root.Values.logFilter -}}
{{- end -}}
{{- if $facts.drain -}}
{{- $_ := set $variables "COPPICE_DRAIN_LIMIT_SECS" $config.drainLimitSeconds -}}
{{- end -}}
{{- if or $facts.config .configMap -}}
{{- $_ := set $variables "COPPICE_CONFIG_FILE" "/etc/coppice/coppice.toml" -}}
{{- end -}}
{{- if include "coppice.sourceSecrets" . | fromJson -}}
{{- $_ := set $variables "COPPICE_SECRETS_DIRECTORY" "/run/secrets/coppice/sources" -}}
{{- end -}}
{{- if $facts.aws -}}
{{- with $root.Values.aws.region -}}
{{- $_ := set $variables "AWS_REGION" . -}}
{{- end -}}
{{- with $root.Values.aws.endpointUrl -}}
{{- $_ := set $variables "AWS_ENDPOINT_URL" . -}}
{{- end -}}
{{- end -}}
{{- if $facts.content -}}
{{- range $name, $value := $root.Values.content.settings -}}
{{- $_ := set $variables $name $value -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := $config.settings -}}
{{- $_ := set $variables $name $value -}}
{{- end -}}
{{- if and (eq .unit "migrate") (not .configMap) $root.Values.database.sqlRoles -}}
{{- $_ := set $variables "COPPICE_SQL_ROLES" $root.Values.database.sqlRoles -}}
{{- end -}}
{{- if include "coppice.databaseCa" $root -}}
{{- $_ := set $variables "PGSSLROOTCERT" "/run/secrets/coppice/database-ca/ca.crt" -}}
{{- end -}}
{{- range $source := include "coppice.secrets" . | fromJsonArray -}}
{{- range $name, $key := $source.files -}}
{{- $_ := set $variables (printf "%s_FILE" $name) (printf "/run/secrets/coppice/%s/%s" $source.folder $key) -}}
{{- end -}}
{{- end -}}
{{- range $name := keys $variables | sortAlpha }}
- name: {{ $name }}
  value: {{ include "coppice.text" (get $variables $name) | quote }}
{{- end }}
{{- if and $facts.aws (eq $root.Values.aws.identity "secret") }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $root.Values.aws.credentialsSecret | quote }}
      key: {{ . }}
{{- end }}
{{- end }}
{{- with $config.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "coppice.volumeMounts" -}}
{{- $facts := get (include "coppice.units" .root | fromYaml) .unit | default dict -}}
{{- range include "coppice.secrets" . | fromJsonArray }}
- name: secret-{{ .folder }}
  mountPath: /run/secrets/coppice/{{ .folder }}
  readOnly: true
{{- end }}
{{- if include "coppice.sourceSecrets" . | fromJson }}
- name: source-secrets
  mountPath: /run/secrets/coppice/sources
  readOnly: true
{{- end }}
{{- if or $facts.config .configMap }}
- name: config
  mountPath: /etc/coppice
  readOnly: true
{{- end }}
{{- if include "coppice.databaseCa" .root }}
- name: database-ca
  mountPath: /run/secrets/coppice/database-ca
  readOnly: true
{{- end }}
{{- with .config.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Only the keys that are named: a key that the Secret lacks keeps the pod from starting, and the event says which. */}}
{{- define "coppice.volumes" -}}
{{- $facts := get (include "coppice.units" .root | fromYaml) .unit | default dict -}}
{{- range include "coppice.secrets" . | fromJsonArray }}
- name: secret-{{ .folder }}
  secret:
    secretName: {{ .secret | quote }}
    # 0440, which not every reader of YAML takes as octal. Without a group of the volumes' files: 0444.
    defaultMode: {{ kindIs "invalid" (index $.root.Values.podUser "fsGroup") | ternary 292 288 }}
    items:
      {{- range $name, $key := .files }}
      - key: {{ $key | quote }}
        path: {{ $key | quote }}
      {{- end }}
{{- end }}
{{- with include "coppice.sourceSecrets" . | fromJson }}
- name: source-secrets
  projected:
    defaultMode: {{ kindIs "invalid" (index $.root.Values.podUser "fsGroup") | ternary 292 288 }}
    sources:
      {{- range $name, $secret := . }}
      - secret:
          name: {{ $secret | quote }}
          items:
            - {key: {{ $name | quote }}, path: {{ $name | quote }}}
      {{- end }}
{{- end }}
{{- if or $facts.config .configMap }}
- name: config
  configMap:
    name: {{ .configMap | default (printf "%s-config" (include "coppice.fullname" .root)) }}
{{- end }}
{{- with include "coppice.databaseCa" .root }}
- name: database-ca
  {{- . | nindent 2 }}
{{- end }}
{{- with .config.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
