{{/* What every pod may reach, also the migration: DNS, the database, and extraEgress. */}}
{{- define "coppice.egressOfAll" -}}
{{- with .Values.networkPolicy -}}
- to:
    {{- toYaml .dnsTo | nindent 4 }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
- ports:
    - {protocol: TCP, port: {{ $.Values.database.port | int64 }}}
  {{- with .databaseTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- with .extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}
