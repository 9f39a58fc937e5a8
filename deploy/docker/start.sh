#!/bin/sh
# Opens the tunnel to AppAPI's HaRP where AppAPI has given us its key, then becomes the command that follows.
set -eu

if [ -n "${HP_SHARED_KEY:-}" ]; then
  : "${HP_FRP_ADDRESS:?is missing beside HP_SHARED_KEY}" "${HP_FRP_PORT:?is missing beside HP_SHARED_KEY}"
  : "${APP_ID:?is missing beside HP_SHARED_KEY}" "${APP_PORT:?is missing beside HP_SHARED_KEY}"
  certificates=/certs/frp
  configuration=/tmp/frpc.toml
  umask 077
  for file in client.crt client.key ca.crt; do
    if [ -e "$certificates/$file" ] && [ ! -r "$certificates/$file" ]; then
      echo "$certificates/$file cannot be read by user $(id -u): without it the tunnel would not be encrypted" >&2
      exit 1
    fi
  done
  {
    # frpc itself puts the environment's values in: none of them is written to a file.
    cat <<'END'
serverAddr = "{{ .Envs.HP_FRP_ADDRESS }}"
serverPort = {{ .Envs.HP_FRP_PORT }}
metadatas.token = "{{ .Envs.HP_SHARED_KEY }}"
loginFailExit = false
log.level = "warn"
END
    # HaRP puts them here after the container's first start, and then starts it anew; or never, if it does without TLS.
    if [ -e "$certificates/client.crt" ]; then
      cat <<END
transport.tls.enable = true
transport.tls.serverName = "harp.nc"
transport.tls.certFile = "$certificates/client.crt"
transport.tls.keyFile = "$certificates/client.key"
transport.tls.trustedCaFile = "$certificates/ca.crt"
END
    else
      echo 'transport.tls.enable = false'
    fi
    cat <<'END'

[[proxies]]
name = "{{ .Envs.APP_ID }}"
type = "tcp"
remotePort = {{ .Envs.APP_PORT }}

[proxies.plugin]
type = "unix_domain_socket"
unixPath = "/tmp/exapp.sock"
END
  } > "$configuration"
  # Without its tunnel nobody can reach the service: it stops as on any SIGTERM, and the container is started anew.
  # Again and again: the first process of a container does not even notice a signal before it listens for it.
  { frpc -c "$configuration" || true; while kill -TERM $$ 2> /dev/null; do sleep 1; done; } &
fi

exec "$@"
