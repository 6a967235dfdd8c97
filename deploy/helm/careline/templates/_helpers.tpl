{{- define "careline.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "careline.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "careline.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "careline.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "careline.selector" -}}
app.kubernetes.io/name: {{ include "careline.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "careline.labels" -}}
{{ include "careline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "careline.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "%s-%s:%s" $image.repository .service (default .root.Chart.AppVersion $image.tag) -}}
{{- if $image.registry }}{{ printf "%s/%s" $image.registry $name }}{{ else }}{{ $name }}{{ end -}}
{{- end -}}

{{- define "careline.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ include "careline.fullname" . }}{{ else }}default{{ end -}}
{{- end -}}

{{/* Of each container: nothing is written but to /tmp, and no right is held. */}}
{{- define "careline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "careline.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.podSecurity.runAsUser }}
runAsGroup: {{ .Values.podSecurity.runAsGroup }}
fsGroup: {{ .Values.podSecurity.runAsGroup }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Settings, as a map: what the chart knows, then what holds for all, then what is the service's own. */}}
{{- define "careline.settings" -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $values := $root.Values -}}
{{- $security := $values.kafka.security -}}
{{- $public := $values.publicAddresses -}}
{{- $given := dict
      "CARELINE_HTTP_HOST" "0.0.0.0"
      "CARELINE_HTTP_PORT" "8080"
      "CARELINE_KAFKA" (required "kafka.brokers is required: host:port of your brokers" $values.kafka.brokers)
      "CARELINE_NAMESPACE" $values.kafka.namespace
      "CARELINE_PARTITIONS" ($values.kafka.partitions | toString)
      "CARELINE_REPLICATION" ($values.kafka.replication | toString)
      "CARELINE_KAFKA_SECURITY" $security.protocol -}}
{{- if hasPrefix "SASL" $security.protocol -}}
{{- $_ := set $given "CARELINE_KAFKA_MECHANISM" $security.mechanism -}}
{{- $_ := set $given "CARELINE_KAFKA_PASSWORD_FILE" "/run/secrets/kafka/password" -}}
{{- end -}}
{{- if $security.authorities -}}
{{- $_ := set $given "CARELINE_KAFKA_AUTHORITIES" "/run/secrets/kafka/ca.crt" -}}
{{- end -}}
{{- if $security.certificate -}}
{{- $_ := set $given "CARELINE_KAFKA_CERTIFICATE" "/run/secrets/kafka/tls.crt" -}}
{{- $_ := set $given "CARELINE_KAFKA_KEY" "/run/secrets/kafka/tls.key" -}}
{{- end -}}
{{- if and (ne $service "auditor") (index $values.files "plans.toml") -}}
{{- $_ := set $given "CARELINE_CATALOGUE" "/etc/careline/plans.toml" -}}
{{- end -}}
{{- if index $values.files "jwks.json" -}}
{{- $_ := set $given "CARELINE_JWKS_FILE" "/etc/careline/jwks.json" -}}
{{- end -}}
{{- if eq $service "intake" -}}
{{- if $public.intake }}{{ $_ := set $given "CARELINE_PUBLIC_ADDRESS" $public.intake }}{{ end -}}
{{- if $public.messaging }}{{ $_ := set $given "CARELINE_MESSAGING_CENTER" $public.messaging }}{{ end -}}
{{- with $values.services.intake.smtp -}}
{{- if .enabled -}}
{{- $_ := set $given "CARELINE_SMTP_IN_HOST" "0.0.0.0" -}}
{{- $_ := set $given "CARELINE_SMTP_IN_PORT" (.port | toString) -}}
{{- end -}}
{{- end -}}
{{- else if eq $service "notifier" -}}
{{- if $public.messaging }}{{ $_ := set $given "CARELINE_MESSAGING_CENTER" $public.messaging }}{{ end -}}
{{- if $public.notifier }}{{ $_ := set $given "CARELINE_OPERATORS" $public.notifier }}{{ end -}}
{{- if index $values.files "destinations.toml" -}}
{{- $_ := set $given "CARELINE_DESTINATIONS" "/etc/careline/destinations.toml" -}}
{{- end -}}
{{- if index $values.files "articles.toml" -}}
{{- $_ := set $given "CARELINE_ARTICLES" "/etc/careline/articles.toml" -}}
{{- end -}}
{{- else if eq $service "messaging" -}}
{{- if $public.messaging }}{{ $_ := set $given "CARELINE_PUBLIC_ADDRESS" $public.messaging }}{{ end -}}
{{- if $public.intake }}{{ $_ := set $given "CARELINE_INTAKE" $public.intake }}{{ end -}}
{{- end -}}
{{- range .spec.secrets.keys -}}
{{- $_ := set $given (printf "%s_FILE" .) (printf "/run/secrets/careline/%s" .) -}}
{{- end -}}
{{- range $name, $value := $values.settings -}}
{{- $_ := set $given $name ($value | toString) -}}
{{- end -}}
{{- range $name, $value := .spec.settings -}}
{{- $_ := set $given $name ($value | toString) -}}
{{- end -}}
{{- toYaml $given -}}
{{- end -}}

{{- define "careline.env" -}}
{{- range $name, $value := (include "careline.settings" . | fromYaml) }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- if hasPrefix "SASL" .root.Values.kafka.security.protocol }}
- name: CARELINE_KAFKA_USER
  valueFrom:
    secretKeyRef:
      name: {{ include "careline.kafkaSecret" .root }}
      key: user
{{- end }}
{{- end -}}

{{- define "careline.kafkaSecret" -}}
{{- required "kafka.security.existingSecret is required by what kafka.security asks for" .Values.kafka.security.existingSecret -}}
{{- end -}}

{{/* The keys of that Secret that are mounted; nothing if none is. */}}
{{- define "careline.kafkaItems" -}}
{{- $security := .Values.kafka.security -}}
{{- if hasPrefix "SASL" $security.protocol }}
- { key: password, path: password }
{{- end }}
{{- if $security.authorities }}
- { key: ca.crt, path: ca.crt }
{{- end }}
{{- if $security.certificate }}
- { key: tls.crt, path: tls.crt }
- { key: tls.key, path: tls.key }
{{- end }}
{{- end -}}

{{- define "careline.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .spec.secrets.keys }}
- name: secrets
  mountPath: /run/secrets/careline
  readOnly: true
{{- end }}
{{- if (include "careline.kafkaItems" .root | trim) }}
- name: kafka
  mountPath: /run/secrets/kafka
  readOnly: true
{{- end }}
{{- if and .root.Values.files (not .isJob) }}
- name: files
  mountPath: /etc/careline
  readOnly: true
{{- end }}
{{- end -}}

{{- define "careline.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 512Mi
{{- if .spec.secrets.keys }}
- name: secrets
  secret:
    secretName: {{ required (printf "secrets.existingSecret of %s is required" .service) .spec.secrets.existingSecret }}
    defaultMode: 0440
    items:
      {{- range .spec.secrets.keys }}
      - { key: {{ . }}, path: {{ . }} }
      {{- end }}
{{- end }}
{{- with (include "careline.kafkaItems" .root | trim) }}
- name: kafka
  secret:
    secretName: {{ include "careline.kafkaSecret" $.root }}
    defaultMode: 0440
    items:
      {{- . | nindent 6 }}
{{- end }}
{{- if and .root.Values.files (not .isJob) }}
- name: files
  configMap:
    name: {{ include "careline.fullname" .root }}-files
{{- end }}
{{- end -}}

{{/* Everything that runs: a Deployment's pod, of a service or of the auditor. */}}
{{- define "careline.pod" -}}
metadata:
  labels:
    {{- include "careline.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .service }}
  {{- with .spec.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "careline.serviceAccount" .root }}
  automountServiceAccountToken: false
  # Kubernetes would add variables that begin as our settings do.
  enableServiceLinks: false
  terminationGracePeriodSeconds: 30
  securityContext:
    {{- include "careline.podSecurity" .root | nindent 4 }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .spec.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .spec.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .spec.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .root.Values.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range (list "topology.kubernetes.io/zone" "kubernetes.io/hostname") }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: {{ $.root.Values.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "careline.selector" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ $.service }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .service }}
      image: {{ include "careline.image" . }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      securityContext:
        {{- include "careline.containerSecurity" . | nindent 8 }}
      env:
        {{- include "careline.env" . | nindent 8 }}
      ports:
        - name: http
          containerPort: 8080
        {{- if and (eq .service "intake") .spec.smtp.enabled }}
        - name: smtp
          containerPort: {{ .spec.smtp.port }}
        {{- end }}
      # Neither asks Kafka or Postgres: to start a pod anew would bring them no nearer.
      startupProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /health/ready, port: http }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      lifecycle:
        # So long it takes until nobody is sent here any more.
        preStop:
          exec: { command: [python, -c, "import time; time.sleep(5)"] }
      resources:
        {{- toYaml .spec.resources | nindent 8 }}
      volumeMounts:
        {{- include "careline.mounts" . | nindent 8 }}
  volumes:
    {{- include "careline.volumes" . | nindent 4 }}
{{- end -}}
