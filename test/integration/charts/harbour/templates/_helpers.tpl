{{- define "harbour.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Waits until it is told to end, at which it ends at once. */}}
{{- define "harbour.patient" -}}
trap "exit 0" TERM; sleep 86400 & wait
{{- end }}

{{/* The spec of a pod that runs a script once; Jobs are not to change, so its image is one of its own. */}}
{{- define "harbour.once" -}}
restartPolicy: Never
terminationGracePeriodSeconds: 1
containers:
- name: main
  image: {{ .root.Values.jobImage }}
  command: [sh, -c, {{ .script | quote }}]
{{- end }}
