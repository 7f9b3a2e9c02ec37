#!/usr/bin/env bash
# gRPC: the same service config makes @grpc/grpc-js 1.14.7 send three requests for one call, and grpc-go 1.85.0 and grpcio 1.85.3
# (Python) one. None of them gives an error or a warning.
#
# A `hedgingPolicy` is a part of the service config, which a name resolver hands to clients of all languages. grpc-go and grpcio
# accept it, and take no notice. One would expect an error, as all three of them check a `retryPolicy` to the last field: with
# `maxAttempts: 1` no client sends a request. Where a config has both policies, which the design forbids, grpc-go retries and
# grpc-js throws.
#
# Only the requests that the server receives show whether a client hedges.
#
# Breakwater: `hedge` of an upstream works for gRPC calls of clients in any language.
# Needs Node.js 20 or later, Python 3 and Go 1.25 or later. Seen on 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund --save-exact @grpc/grpc-js@1.14.7
python3 -m venv venv
venv/bin/pip --quiet install grpcio==1.85.3

retry='"initialBackoff": "0.01s", "maxBackoff": "0.1s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]'
hedging='"hedgingPolicy": { "maxAttempts": 3, "hedgingDelay": "0.05s", "nonFatalStatusCodes": ["UNAVAILABLE"] }'
config() { printf '{ "methodConfig": [{ "name": [{}], %s }] }\n' "$2" >"$1.json"; }
config retry "\"retryPolicy\": { \"maxAttempts\": 2, $retry }"
config hedging "$hedging"
config both "$hedging, \"retryPolicy\": { \"maxAttempts\": 2, $retry }"
config invalid "\"retryPolicy\": { \"maxAttempts\": 1, $retry }"

# Each client calls the method CLIENT/CONFIG. The server responds with UNAVAILABLE after 0.5 s.
cat >server.mjs <<'EOF'
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http2';
const server = createServer();
server.on('stream', (stream, headers) => {
  appendFileSync('calls', `${headers[':path']}\n`);
  stream.on('error', () => {});
  const head = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' };
  setTimeout(() => stream.destroyed || stream.respond(head, { endStream: true }), 500);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
EOF

cat >client.mjs <<'EOF'
import { readFileSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';
const [port, name] = process.argv.slice(2);
const options = { 'grpc.service_config': readFileSync(`${name}.json`, 'utf8') };
const same = (bytes) => bytes;
try {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
  const deadline = Date.now() + 10_000;
  client.makeUnaryRequest(`/grpc-js/${name}`, same, same, Buffer.alloc(0), { deadline }, () => client.close());
} catch (error) {
  console.error(`grpc-js, ${name}: ${error.message}`);
}
EOF

cat >client.py <<'EOF'
import sys
import grpc
port, name = sys.argv[1:]
config = open(name + ".json").read()
with grpc.insecure_channel("127.0.0.1:" + port, options=[("grpc.service_config", config)]) as channel:
    try:
        channel.unary_unary("/grpcio/" + name)(b"", timeout=10)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            print(f"grpcio, {name}: {error.details()}", file=sys.stderr)
EOF

mkdir go
cat >go/go.mod <<'TEXT'
module example.com/client

go 1.25

require google.golang.org/grpc v1.85.0
TEXT
cat >go/main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

func main() {
	port, name := os.Args[1], os.Args[2]
	config, err := os.ReadFile(name + ".json")
	if err != nil {
		panic(err)
	}
	channel, err := grpc.NewClient("127.0.0.1:"+port,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(string(config)))
	if err != nil {
		fmt.Fprintf(os.Stderr, "grpc-go, %s: %v\n", name, err)
		return
	}
	defer channel.Close()
	context, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	channel.Invoke(context, "/grpc-go/"+name, &emptypb.Empty{}, &emptypb.Empty{})
}
GO
(cd go && go mod tidy >tidy.log 2>&1 && go build -o ../client-go .) || { cat go/tidy.log; exit 2; }

node server.mjs >port &
server=$!
for _ in $(seq 100); do [[ -s port ]] && break || sleep 0.1; done
port=$(cat port)
touch calls
echo '@grpc/grpc-js 1.14.7, grpcio 1.85.3, grpc-go 1.85.0; errors:'
for name in retry hedging both invalid; do
  node client.mjs "$port" "$name" 2>&1 | head -n 1
  GRPC_VERBOSITY=NONE venv/bin/python client.py "$port" "$name" 2>&1 | head -n 1
  ./client-go "$port" "$name" 2>&1 | head -n 1
done

for name in retry hedging both invalid; do
  line="$name:"
  for client in grpc-js grpcio grpc-go; do
    line+=" $client $(grep --count --line-regexp "/$client/$name" calls || true)"
  done
  echo "$line"
done >seen.txt

cat >expected.txt <<'TEXT'
retry: grpc-js 2 grpcio 2 grpc-go 2
hedging: grpc-js 3 grpcio 1 grpc-go 1
both: grpc-js 0 grpcio 2 grpc-go 2
invalid: grpc-js 0 grpcio 0 grpc-go 0
TEXT

echo 'expected requests at the server:'
cat expected.txt
echo 'seen:'
cat seen.txt
diff expected.txt seen.txt
