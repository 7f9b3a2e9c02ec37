import { once } from 'node:events';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { eventually, sendRaw, startRawUpstream, startSidecar } from '../support/sidecar.js';

const post = (...lines: string[]) => ['POST / HTTP/1.1', 'Host: x', ...lines].join('\r\n');
const get = (...lines: string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');
const chunked = (body: string) => `${post('Transfer-Encoding: chunked', '', '')}${body}`;

/** Requests that two hops could read differently (RFC 9112, sections 2.2, 3.2, 5, 6, 7 and 11.2). */
const refused: Readonly<Record<string, string>> = {
  'Content-Length with Transfer-Encoding': post(
    'Content-Length: 4',
    'Transfer-Encoding: chunked',
    '',
    '0\r\n\r\n',
  ),
  'two Content-Lengths that differ': post('Content-Length: 4', 'Content-Length: 5', '', 'abcde'),
  'two Content-Lengths that agree': post('Content-Length: 4', 'Content-Length: 4', '', 'abcd'),
  'a list of Content-Lengths': post('Content-Length: 4, 4', '', 'abcd'),
  'a signed Content-Length': post('Content-Length: +4', '', 'abcd'),
  'a negative Content-Length': post('Content-Length: -1', '', ''),
  'a hexadecimal Content-Length': post('Content-Length: 0x4', '', 'abcd'),
  'an empty Content-Length': post('Content-Length: ', '', ''),
  'a Content-Length beyond all bounds': post('Content-Length: 99999999999999999999999', '', ''),
  'a misspelt coding': post('Transfer-Encoding: xchunked', '', '0\r\n\r\n'),
  'a coding after chunked': post('Transfer-Encoding: chunked, identity', '', '0\r\n\r\n'),
  'a coding that would be lost': post('Transfer-Encoding: gzip, chunked', '', '0\r\n\r\n'),
  'identity as a coding': post('Transfer-Encoding: identity', '', ''),
  'a coding behind a vertical tab': post('Transfer-Encoding: \x0bchunked', '', '0\r\n\r\n'),
  'a space before the colon of a coding': post('Transfer-Encoding : chunked', '', '0\r\n\r\n'),
  'chunked twice': post(
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
    '',
    '0\r\n\r\n',
  ),
  'chunked in HTTP/1.0': 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'lines that end in a bare LF': 'GET / HTTP/1.1\nHost: x\n\n',
  'a field that ends in a bare LF': 'GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n',
  'a bare CR in a value': get('X: a\rb'),
  'NUL in a value': get('X: a\0b'),
  'a folded value': get('X: a', ' b'),
  'a fold before the first field': 'GET / HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n',
  'a space before a colon': get('X : a'),
  'an empty name': get(': a'),
  'a field without a colon': get('Xabc'),
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'two Hosts': get('Host: x'),
  'a Host with a space': 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
  'a list of Hosts': 'GET / HTTP/1.1\r\nHost: a,b\r\n\r\n',
  'a chunk size that is no number': chunked('zz\r\nabc\r\n0\r\n\r\n'),
  'a chunk size with 0x': chunked('0x3\r\nabc\r\n0\r\n\r\n'),
  'a chunk size beyond all bounds': chunked('fffffffffffffffff\r\nabc'),
  'a space after a chunk size': chunked('3 \r\nabc\r\n0\r\n\r\n'),
  'a chunk that is longer than it says': chunked('3\r\nabcX\r\n0\r\n\r\n'),
  'chunks that end in a bare LF': chunked('3\nabc\n0\n\n'),
  'a bare LF in a chunk extension': chunked('3;a\nb\r\nabc\r\n0\r\n\r\n'),
  'Content-Length among the trailers': chunked('3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n'),
  'HTTP/0.9': 'GET /\r\n\r\n',
  'HTTP/1.2': 'GET / HTTP/1.2\r\nHost: x\r\n\r\n',
  'HTTP/2.0': 'GET / HTTP/2.0\r\nHost: x\r\n\r\n',
  'a protocol in small letters': 'GET / http/1.1\r\nHost: x\r\n\r\n',
  'a space in the target': 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n',
  'a tab in the target': 'GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n',
  'NUL in the target': 'GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n',
  'a fragment': 'GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n',
  'a target without a slash': 'GET foo HTTP/1.1\r\nHost: x\r\n\r\n',
  'an asterisk but for OPTIONS': 'GET * HTTP/1.1\r\nHost: x\r\n\r\n',
  'a method that is no token': 'F(O / HTTP/1.1\r\nHost: x\r\n\r\n',
  CONNECT: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
  'an unknown expectation': get('Expect: miracles', 'Connection: close'),
  'a head over the limit': get(`X: ${'a'.repeat(40_000)}`),
  'a malformed host in an absolute form': 'GET http://u@h/ HTTP/1.1\r\nHost: x\r\n\r\n',
  'no host in an absolute form': 'GET http:///p HTTP/1.1\r\nHost: x\r\n\r\n',
};

/** What was read before a bad chunk came may have gone upstream as a part; the whole must not. */
const isPart = (bytes: string) =>
  /^transfer-encoding/im.test(bytes) && !bytes.endsWith('0\r\n\r\n');

t.test('refuses, and never forwards', async (t) => {
  const connections: string[] = [];
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => connections.push(data.toString('latin1')));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { attempt: 500ms }, retry: off } }`,
  );
  for (const [what, bytes] of Object.entries(refused)) {
    connections.length = 0;
    const response = await sendRaw(sidecar.port('a'), Buffer.from(bytes, 'latin1'));
    t.match(response, /^HTTP\/1\.1 [45]\d\d /, what);
    t.notMatch(response.slice(9), /HTTP\/1\.1/, `${what}: one response`);
    t.same(
      connections.filter((bytes) => !isPart(bytes)),
      [],
      `${what}: nothing upstream`,
    );
  }
  t.equal((await fetch(`${sidecar.admin}/healthz`)).status, 200);
});

t.test('responds 431 to a head over maxHeaderSize and 501 to an unknown coding', async (t) => {
  const sidecar = await startSidecar(
    t,
    'upstreams: { a: { listen: 0, target: "http://127.0.0.1:1" } }',
  );
  const big = await sendRaw(sidecar.port('a'), get(`X: ${'a'.repeat(40_000)}`));
  t.match(big, /^HTTP\/1\.1 431 /);
  const coded = await sendRaw(sidecar.port('a'), refused['a coding that would be lost']!);
  t.match(coded, /^HTTP\/1\.1 501 /);
});

t.test('responds to OPTIONS * and Max-Forwards: 0 itself, and counts hops down', async (t) => {
  const seen: string[] = [];
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      seen.push(data.toString());
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const send = (bytes: string) => sendRaw(sidecar.port('a'), bytes);
  const end = 'Host: x\r\nConnection: close\r\n';
  t.match(await send(`OPTIONS * HTTP/1.1\r\n${end}\r\n`), /^HTTP\/1.1 200 OK\r\nAllow: .*GET/);
  t.match(
    await send(`TRACE /p HTTP/1.1\r\n${end}Max-Forwards: 0\r\nCookie: secret\r\nX-A: 1\r\n\r\n`),
    /message\/http[^]*TRACE \/p HTTP\/1.1\r\n[^]*X-A: 1/,
  );
  t.same(seen, []);
  await send(`TRACE /p HTTP/1.1\r\n${end}Max-Forwards: 3\r\n\r\n`);
  t.match(seen.at(-1), /^TRACE \/p HTTP\/1.1\r\n[^]*Max-Forwards: 2\r\n/);
  await send(`GET /p HTTP/1.1\r\n${end}Max-Forwards: 0\r\n\r\n`);
  t.match(seen.at(-1), /^GET \/p HTTP\/1.1\r\n[^]*Max-Forwards: 0\r\n/);
});

t.test('methods that the parser does not know may be split and pipelined', async (t) => {
  const seen: string[] = [];
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      seen.push(data.toString().split(' HTTP')[0]!);
      // More than the buffers between the proxy and the client hold.
      const length = seen.length === 1 ? 8_000_000 : 2;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`);
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const end = ' HTTP/1.1\r\nHost: x\r\n';
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  t.teardown(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString()));
  socket.pause();
  socket.setNoDelay();
  socket.write(`GET /1${end}\r\nGET /2${end}\r\nBAN /3${end}\r\nLIS`);
  await setTimeout(50);
  socket.write(`T /4${end}\r\nGET /5${end}\r\n`);
  await setTimeout(50);
  socket.resume();
  await eventually('the fifth has its response', () => received.split(' 200 OK').length === 6);
  const closed = once(socket, 'close');
  for (const part of ['LIS', 'T /6 HT', `TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`]) {
    socket.write(part);
    await setTimeout(50);
  }
  await closed;
  t.same(seen, ['GET /1', 'GET /2', 'BAN /3', 'LIST /4', 'GET /5', 'LIST /6']);
  t.equal(received.split(' 200 OK').length, 7);
  t.equal(await sidecar.metric('breakwater_refused_requests_total'), 0);
});

t.test('OPTIONS for a host without a path asks the upstream as a whole', async (t) => {
  const seen: string[] = [];
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      seen.push(data.toString().split('\r\n')[0]!);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a: { listen: 0, target: "${upstream.url}", routes: [{ name: id, match: { path: "/:id" } }] }
  b: { listen: 0, target: "${upstream.url}/base" }`,
  );
  const send = (name: string, requestLine: string) =>
    sendRaw(sidecar.port(name), `${requestLine} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  for (const [name, sent, forwarded] of [
    ['a', 'OPTIONS http://x', 'OPTIONS *'],
    ['b', 'OPTIONS http://x', 'OPTIONS /base'],
    ['a', 'OPTIONS http://x/', 'OPTIONS /'],
    ['a', 'OPTIONS http://x?a=1', 'OPTIONS /?a=1'],
    ['a', 'GET http://x', 'GET /'],
  ] as const) {
    t.match(await send(name, sent), /^HTTP\/1.1 200 OK/);
    t.equal(seen.at(-1), `${forwarded} HTTP/1.1`, sent);
  }
  t.equal(await sidecar.metric('breakwater_requests_total', { upstream: 'a', route: 'id' }), 0);
});

t.test('forwards every method, and a body with any of them', async (t) => {
  const seen: string[] = [];
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      seen.push(data.toString());
      if (data.toString().endsWith('ab')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      }
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  for (const method of [
    'GET',
    'DELETE',
    'OPTIONS',
    'PURGE',
    'PROPFIND',
    'QUERY',
    'PATCH',
    'M-SEARCH',
    // Unknown to the parser, or known to it for another protocol only.
    'LIST',
    'BAN',
    'VERSION-CONTROL',
    'get',
    'POSTER',
    'PLAY',
  ]) {
    seen.length = 0;
    const response = await sendRaw(
      sidecar.port('a'),
      `${method} /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab`,
    );
    t.match(response, /^HTTP\/1.1 200 OK/, method);
    t.match(
      seen.join(''),
      new RegExp(`^${method} /x HTTP/1.1\r\n[^]*Content-Length: 2\r\n[^]*\r\n\r\nab$`),
    );
  }
});

t.test('serves HTTP/1.0 and pipelined requests as they expect', async (t) => {
  let count = 0;
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', () => {
      count += 1;
      socket.write(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n${count}\r\n0\r\n\r\n`,
      );
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const old = await sendRaw(sidecar.port('a'), 'GET / HTTP/1.0\r\n\r\n');
  t.match(old, /\r\nConnection: close\r\n\r\n1$/, 'no chunks, ended by the close');
  const two = await sendRaw(
    sidecar.port('a'),
    'GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  t.equal(two.match(/HTTP\/1.1 200 OK/g)?.length, 2);
});

t.test('takes the path of an absolute-form target', async (t) => {
  let head = '';
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      head = data.toString();
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  await sendRaw(
    sidecar.port('a'),
    'GET http://other.example/p?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  t.match(head, /^GET \/p\?q HTTP\/1.1\r\n/);
});
