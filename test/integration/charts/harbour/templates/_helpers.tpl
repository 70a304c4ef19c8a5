{{- define "harbour.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Waits until it is told to end, at which it ends at once. */}}
{{- define "harbour.patient" -}}
trap "exit 0" TERM; sleep 86400 & wait
{{- end }}

{{/* A pod that runs a script once, by the name of its account. */}}
{{- define "harbour.once" -}}
restartPolicy: Never
terminationGracePeriodSeconds: 1
containers:
- name: main
  image: {{ .root.Values.image }}
  command: [sh, -c, {{ .script | quote }}]
{{- end }}
