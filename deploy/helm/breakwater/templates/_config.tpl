{{- /* The configuration that the sidecar gets. */ -}}

{{- define "breakwater.adminListen" -}}
{{- if eq .Values.admin.reach "socket" -}}
unix:/run/breakwater/admin.sock
{{- else if eq .Values.admin.reach "loopback" -}}
{{- printf "127.0.0.1:%d" (int .Values.admin.port) -}}
{{- else -}}
{{- printf "0.0.0.0:%d" (int .Values.admin.port) -}}
{{- end -}}
{{- end -}}

{{- /* `config` with what the chart sets itself. */ -}}
{{- define "breakwater.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $admin := default dict $config.admin -}}
{{- if or (hasKey $admin "listen") (hasKey $admin "metrics") -}}
{{- fail "Cannot use config.admin.listen and config.admin.metrics because the chart sets them; use the values admin.reach, admin.port and metrics.port" -}}
{{- end -}}
{{- if and (eq .Values.admin.reach "pod") (not (hasKey $admin "token")) -}}
{{- fail "Cannot use admin.reach: pod without a token, because all that reaches the pod could read the state, and a proxy in the pod could change it; set config.admin.token to \"${ADMIN_TOKEN}\", and existingSecret to a Secret with the key ADMIN_TOKEN" -}}
{{- end -}}
{{- $addresses := dict "listen" (include "breakwater.adminListen" .) "metrics" (printf "0.0.0.0:%d" (int .Values.metrics.port)) -}}
{{- $_ := set $config "admin" (merge $addresses $admin) -}}
{{- if and .Values.gateway.enabled (not (hasKey $config "shutdown")) -}}
{{- /* Until the Service sends no more calls. */ -}}
{{- $_ := set $config "shutdown" (dict "delay" "5s" "grace" "25s") -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- /*
Host and port of an address to listen on, as JSON: {"host": ..., "port": ...}. The port of a Unix socket is 0.
*/ -}}
{{- define "breakwater.address" -}}
{{- $written := kindIs "string" . | ternary . (printf "%v" (int64 (kindIs "string" . | ternary 0 .))) -}}
{{- if hasPrefix "unix:" $written -}}
{{- dict "host" "" "port" 0 | toJson -}}
{{- else if regexMatch "^[0-9]+$" $written -}}
{{- dict "host" "127.0.0.1" "port" (int $written) | toJson -}}
{{- else -}}
{{- $host := regexReplaceAll ":[0-9]+$" $written "" -}}
{{- dict "host" $host "port" (regexFind "[0-9]+$" $written | int) | toJson -}}
{{- end -}}
{{- end -}}

{{- /*
The address of an upstream for the containers beside the sidecar:

  {{ include "breakwater.url" (list .Subcharts.breakwater "catalog") }}   http://localhost:8101
*/ -}}
{{- define "breakwater.url" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $upstreams := default dict $root.Values.config.upstreams -}}
{{- $upstream := get $upstreams $name -}}
{{- if not $upstream -}}
{{- fail (printf "Cannot tell the address of the upstream %s because config.upstreams has no such key; it has %s" $name (keys $upstreams | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $shared := dig "server" "listen" "127.0.0.1:8080" $root.Values.config -}}
{{- $address := include "breakwater.address" (default $shared $upstream.listen) | fromJson -}}
{{- if eq (int $address.port) 0 -}}
{{- fail (printf "Cannot tell the address of the upstream %s because it listens on a Unix socket" $name) -}}
{{- end -}}
{{- $host := "localhost" -}}
{{- if not (has $address.host (list "127.0.0.1" "localhost" "0.0.0.0" "[::]")) -}}
{{- $host = $address.host -}}
{{- end -}}
{{- printf "http://%s:%d%s" $host (int $address.port) (hasKey $upstream "listen" | ternary "" (default "" $upstream.prefix)) -}}
{{- end -}}

{{- /* The ports of a gateway, as JSON: [{"name": ..., "port": ...}]. */ -}}
{{- define "breakwater.gatewayPorts" -}}
{{- $ports := list -}}
{{- $isShared := false -}}
{{- range $name, $upstream := .Values.config.upstreams -}}
{{- if $upstream.listen -}}
{{- $address := include "breakwater.address" $upstream.listen | fromJson -}}
{{- if has $address.host (list "0.0.0.0" "[::]") -}}
{{- $ports = append $ports (dict "name" $name "port" (int $address.port)) -}}
{{- else -}}
{{- fail (printf "Cannot make a gateway because the upstream %s listens on %v, which other pods do not reach; write listen: \"0.0.0.0:PORT\"" $name $upstream.listen) -}}
{{- end -}}
{{- end -}}
{{- if $upstream.prefix -}}{{- $isShared = true -}}{{- end -}}
{{- end -}}
{{- if $isShared -}}
{{- $listen := dig "server" "listen" "127.0.0.1:8080" .Values.config -}}
{{- $address := include "breakwater.address" $listen | fromJson -}}
{{- if not (has $address.host (list "0.0.0.0" "[::]")) -}}
{{- fail (printf "Cannot make a gateway because config.server.listen is %v, which other pods do not reach; write listen: \"0.0.0.0:PORT\"" $listen) -}}
{{- end -}}
{{- $ports = prepend $ports (dict "name" "shared" "port" (int $address.port)) -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}
