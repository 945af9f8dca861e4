{{/* An output of the CloudFormation stacks, or nothing. Called with root and key. */}}
{{- define "coppice.output" -}}
{{- $key := .key -}}
{{- range .root.Values.stackOutputs -}}
{{- if eq .OutputKey $key -}}
{{- .OutputValue -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* `sso-sync-auth0` → `SsoSyncAuth0`, as the outputs are named. */}}
{{- define "coppice.pascalCase" -}}
{{- range splitList "-" . -}}
{{- title . -}}
{{- end -}}
{{- end }}

{{/* Called with root. */}}
{{- define "coppice.busName" -}}
{{- .root.Values.busName | default (include "coppice.output" (dict "root" .root "key" "BusName")) -}}
{{- end }}

{{/* Called with root and branch. */}}
{{- define "coppice.queueUrl" -}}
{{- $own := get .root.Values.queues .branch | default dict -}}
{{- $key := printf "%sQueueUrl" (include "coppice.pascalCase" .branch) -}}
{{- $own.url | default (include "coppice.output" (dict "root" .root "key" $key)) -}}
{{- end }}

{{/* Called with root and branch. */}}
{{- define "coppice.dlqUrl" -}}
{{- $own := get .root.Values.queues .branch | default dict -}}
{{- $key := printf "%sDlqUrl" (include "coppice.pascalCase" .branch) -}}
{{- $own.dlqUrl | default (include "coppice.output" (dict "root" .root "key" $key)) -}}
{{- end }}

{{/* Called with root and account, which is a branch or a unit without branches. */}}
{{- define "coppice.roleArn" -}}
{{- $key := printf "%sRoleArn" (include "coppice.pascalCase" .account) -}}
{{- get .root.Values.serviceAccounts.roleArns .account | default (include "coppice.output" (dict "root" .root "key" $key)) -}}
{{- end }}

{{/* The emulator's port, if it is not that of HTTPS. */}}
{{- define "coppice.endpointPort" -}}
{{- with .Values.aws.endpointUrl -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" .) | default (hasPrefix "https:" . | ternary "443" "80") -}}
{{- if ne $port "443" -}}
{{- $port -}}
{{- end -}}
{{- end -}}
{{- end }}
