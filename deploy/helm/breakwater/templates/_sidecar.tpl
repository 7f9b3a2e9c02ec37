{{- /*
For the chart of a service, which has this one among its dependencies:

  template:
    metadata:
      labels:
        {{- include "breakwater.podLabels" .Subcharts.breakwater | nindent 8 }}
    spec:
      initContainers:
        {{- include "breakwater.sidecar" .Subcharts.breakwater | nindent 8 }}
      volumes:
        {{- include "breakwater.volumes" .Subcharts.breakwater | nindent 8 }}
*/ -}}

{{- /* A list with the sidecar: an init container that keeps running. It comes before init containers that call upstreams. */ -}}
{{- define "breakwater.sidecar" -}}
- {{ include "breakwater.container" (list . true) | nindent 2 | trim }}
{{- end -}}

{{- /* The container, as a sidecar or by itself. */ -}}
{{- define "breakwater.container" -}}
{{- $root := index . 0 -}}
{{- $isSidecar := index . 1 -}}
{{- with $root -}}
name: breakwater
image: {{ include "breakwater.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if $isSidecar }}
restartPolicy: Always
{{- end }}
args: [run, --config, /etc/breakwater/breakwater.yaml]
{{- with .Values.existingSecret }}
envFrom:
  - secretRef: { name: {{ . | quote }} }
{{- end }}
{{- with .Values.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  # Metrics and health.
  - { name: breakwater, containerPort: {{ int .Values.metrics.port }} }
  {{- if eq .Values.admin.reach "pod" }}
  - { name: breakwater-adm, containerPort: {{ int .Values.admin.port }} }
  {{- end }}
  {{- if not $isSidecar }}
  {{- range include "breakwater.gatewayPorts" . | fromJsonArray }}
  - { containerPort: {{ int .port }} }
  {{- end }}
  {{- end }}
# The next container starts once the listeners are open.
startupProbe:
  httpGet: { path: /readyz, port: breakwater }
  periodSeconds: 1
  failureThreshold: 30
readinessProbe:
  httpGet: { path: /readyz, port: breakwater }
  periodSeconds: 5
  timeoutSeconds: 2
# /healthz: a sidecar that drains is not ill.
livenessProbe:
  httpGet: { path: /healthz, port: breakwater }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
securityContext:
  runAsUser: 65532
  runAsGroup: 65532
  runAsNonRoot: true
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
  seccompProfile: { type: RuntimeDefault }
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  # The folder: a file that is mounted by itself never changes.
  - { name: breakwater-config, mountPath: /etc/breakwater, readOnly: true }
  {{- if eq .Values.admin.reach "socket" }}
  - { name: breakwater-admin, mountPath: /run/breakwater }
  {{- end }}
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* A list of volumes for the sidecar. */ -}}
{{- define "breakwater.volumes" -}}
- name: breakwater-config
  configMap: { name: {{ include "breakwater.configMapName" . | quote }} }
{{- if eq .Values.admin.reach "socket" }}
# Only the sidecar mounts it.
- name: breakwater-admin
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
