#!/usr/bin/env bash
# grpcio (Python) 1.85.3 tells the server a later deadline than its caller set.
#
# It rounds `grpc-timeout` up, mostly to three digits: a timeout of 123.4 s is sent as `124S`, 601.5 s as `602S`, and 7199 s as
# `2H`. The header promises up to about 1% more than the client waits. A server or proxy that ends a call at the
# deadline of the header may end it after the client has given up: the client then reports its own DEADLINE_EXCEEDED, and the
# server sees a CANCEL. So a `buffer` below 1% of the deadline can be too small for calls of grpcio.
#
# Source: the header fields that a node:http2 server received, Node.js 20.20.2, 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip --quiet install grpcio==1.85.3

cat >server.mjs <<'EOF'
import { createServer } from 'node:http2';
const server = createServer();
server.on('stream', (stream, headers) => {
  console.log(headers['grpc-timeout']);
  const head = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' };
  stream.respond(head, { endStream: true });
});
server.listen(0, '127.0.0.1', () => console.error(server.address().port));
EOF
node server.mjs >seen 2>port &
server=$!
for _ in $(seq 100); do [[ -s port ]] && break || sleep 0.1; done

cat >client.py <<'EOF'
import sys
import grpc
channel = grpc.insecure_channel("127.0.0.1:" + sys.argv[1])
call = channel.unary_unary("/example.Service/Method")
for timeout in (123.4, 601.5, 7199):
    try:
        call(b"", timeout=timeout)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
EOF
venv/bin/python client.py "$(cat port)"

expected=$'124S\n602S\n2H'
printf 'timeouts of 123.4, 601.5 and 7199 s\nexpected:\n%s\nseen:\n%s\n' "$expected" "$(cat seen)"
[[ $(cat seen) == "$expected" ]]
