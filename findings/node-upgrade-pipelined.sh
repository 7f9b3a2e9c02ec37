#!/bin/sh
# Node's HTTP server loses a request.
#
# Package: node 26.10.0 (the same was seen with 20.18.1, 22.23.3 and 24.21.0 in the first of the two cases, and with 22.23.3
# and 24.21.0 in the second one).
#
# Behaviour: a server that takes a request with `Upgrade` for an ordinary one responds to it and keeps the connection. But it
# drops all that has come in the same packet after it. A client that sends its next request there never gets a response to
# it, while a later request on the same connection gets one. So such a client takes the response to the third request for
# that to the second one. A server behaves like this
# - without a listener of 'upgrade', which is how most of them run
# - with a listener of 'upgrade', where `shouldUpgradeCallback` returns false
# The documentation of both says that the request is handled like any other. With a listener and without that callback, the
# rest of the packet comes as the third argument of 'upgrade'. So Breakwater takes all upgrades, and gives those that it does
# not pass on back to the parser together with that rest.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" node@26.10.0 >/dev/null

cat >case.mjs <<'JS'
import { createServer } from 'node:http';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';

const get = (path, fields = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const H2C = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';

async function send(name, options, prepare, fields) {
  const seen = [];
  const server = createServer(options, (request, response) => {
    seen.push(request.url);
    response.end('ok');
  });
  prepare(server);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = net.connect(server.address().port, '127.0.0.1');
  client.resume();
  client.write(get('/1', fields) + get('/2'));
  await setTimeout(500);
  client.write(get('/3'));
  await setTimeout(500);
  console.log(`${name}: ${seen.join(' ')}`);
  client.destroy();
  server.close();
}

const nothing = () => {};
const listen = (server) => server.on('upgrade', (_request, socket) => socket.destroy());
console.log(process.version);
await send('no upgrade asked for', {}, nothing, '');
await send('no listener of upgrade', {}, nothing, H2C);
await send('a callback that declines', { shouldUpgradeCallback: () => false }, listen, H2C);
JS

cat >expected <<'TEXT'
v26.10.0
no upgrade asked for: /1 /2 /3
no listener of upgrade: /1 /3
a callback that declines: /1 /3
TEXT

"$dir/node_modules/.bin/node" case.mjs >output
echo '--- expected'
cat expected
echo '--- seen'
cat output
diff expected output
