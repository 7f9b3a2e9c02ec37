/** What `top` reads, and how it draws it, without a terminal. */
import type http from 'node:http';
import * as fc from 'fast-check';
import t from 'tap';
import { Model, type Message } from '../../src/admin/page/model.js';
import { parseAdminAddress, type AdminAddress } from '../../src/cli/top/admin-address.js';
import { EventReader, type ServerEvent } from '../../src/cli/top/events.js';
import { Feed, type FeedHandler } from '../../src/cli/top/feed.js';
import { renderFrame, type View } from '../../src/cli/top/frame.js';
import { readStyle } from '../../src/cli/top/screen.js';
import { clean, cut, lengthOf, wrap, type Style } from '../../src/cli/top/text.js';
import { AT, message, row } from '../support/live-rows.js';
import { findFreePort, startUpstream, type Teardown } from '../support/sidecar.js';

const plain: Style = { columns: 80, rows: 24, hasColours: false, isUtf8: true };

function viewOf(upstreams: Message['upstreams'], changes: Partial<View> = {}): View {
  const model = new Model();
  model.take(message(1, upstreams), true);
  const nowMs = Date.parse(AT);
  return { model, source: 'http://a:1', connection: 'stream', why: '', nowMs, ...changes };
}

/** With the characters that begin commands made visible. */
const shown = (lines: readonly string[]) =>
  lines.join('\n').replaceAll('\x1b', '␛').replaceAll('\x07', '␇');

const parsed = (text: string): AdminAddress => {
  const address = parseAdminAddress(text);
  if (typeof address === 'string') throw new Error(address);
  return address;
};

t.test('the admin server is named by a URL, an address, a port or a socket', async (t) => {
  const cases: Record<string, [shown: string, options: object]> = {
    '9900': ['http://127.0.0.1:9900', { host: '127.0.0.1', port: '9900', path: '/events' }],
    'pod:9900': ['http://pod:9900', { host: 'pod', port: '9900', path: '/events' }],
    '[::1]:9900': ['http://[::1]:9900', { host: '::1', port: '9900', path: '/events' }],
    'http://pod/b/': ['http://pod/b', { host: 'pod', path: '/b/events' }],
    'https://me:a%20b@pod': ['https://pod', { host: 'pod', path: '/events', auth: 'me:a b' }],
    'unix:/run/b.sock': ['unix:/run/b.sock', { socketPath: '/run/b.sock', path: '/events' }],
  };
  for (const [text, [shown, options]] of Object.entries(cases)) {
    const address = parsed(text);
    t.equal(address.shown, shown);
    t.equal(address.isSecure, text.startsWith('https'));
    t.strictSame(address.optionsFor('/events'), options, text);
  }
  for (const text of ['', 'ftp://a', 'http://', 'a b:1', 'unix:x', 'pod:99999']) {
    const message = /^Cannot read the admin server because --admin must be a URL .*, but is "/;
    t.match(parseAdminAddress(text), message, text);
  }
});

const eventsOf = (pieces: readonly string[]) => {
  const events: ServerEvent[] = [];
  const reader = new EventReader((event) => events.push(event));
  for (const piece of pieces) reader.push(piece);
  return events;
};

const STREAM =
  'retry: 2000\n\n: still here\n\nid: 1\nevent: state\ndata: {"a":\ndata: 1}\n\r\ndata:x\nevent\n\n\n';

t.test('events are the same however their text is cut into pieces', async (t) => {
  const expected = [
    { type: 'state', data: '{"a":\n1}' },
    { type: 'message', data: 'x' },
  ];
  t.strictSame(eventsOf([STREAM]), expected);
  const cuts = fc.array(fc.nat(STREAM.length), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, (places) => {
      const edges = [0, ...places.toSorted((a, b) => a - b), STREAM.length];
      const pieces = edges.slice(1).map((end, i) => STREAM.slice(edges[i], end));
      return JSON.stringify(eventsOf(pieces)) === JSON.stringify(expected);
    }),
  );
});

t.test('lines are broken between words, and only long words within', async (t) => {
  t.strictSame(wrap('one two three', 7), ['one two', 'three']);
  t.strictSame(wrap('abcdefgh ij', 5), ['abcde', 'fgh', 'ij']);
  t.strictSame(wrap('one two', Infinity), ['one two']);
  t.strictSame(wrap('', 5), ['']);
  t.equal(cut('abcdef', 4, plain), 'abc…');
  t.equal(cut('abcd', 4, plain), 'abcd');
  t.equal(cut('abc', 0, plain), '');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 12 }), (text, width) => {
      const lines = wrap(text, width);
      return (
        lines.every((line) => lengthOf(line) <= width) &&
        lines.join('').replaceAll(' ', '') === text.replaceAll(' ', '')
      );
    }),
  );
});

t.test('nothing in a message reaches the terminal as a command', async (t) => {
  t.equal(clean('a\x1b[2Jb\r\n\u202Ec\u009bd', plain), 'a [2Jb   c d');
  t.equal(clean('– ü …', { ...plain, isUtf8: false }), '- ? ~');
  const lastError = { message: 'bad\x1b]0;x\x07', at: AT };
  const lines = renderFrame(viewOf([row('a', 50, { lastError })]), {
    ...plain,
    columns: Infinity,
    rows: Infinity,
  });
  t.notMatch(shown(lines), /[␛␇]/);
});

t.test('a picture says who is in trouble, and fits 80 columns and 24 lines', async (t) => {
  const upstreams = [
    row('well'),
    row('ill', 50),
    ...Array.from({ length: 40 }, (_, i) => row(`x${i}`)),
  ];
  const lines = renderFrame(viewOf(upstreams), plain);
  t.equal(lines.length, 24);
  for (const line of lines) t.ok(lengthOf(line) <= 80, line);
  const text = lines.join('\n');
  t.match(lines[0], /^Breakwater 1 at http:\/\/a:1: ready, up 0 s, at \d\d:\d\d:\d\d$/);
  t.match(text, '1 of 42 in trouble. Worst: ill (failing).');
  t.match(text, /▲ ill failing since \d\d:\d\d:\d\d, 0 s ago\n {2}Why {9}40% of the calls fail/);
  t.match(
    text,
    /Callers get In the last 15 s, 60% got a good response\.\n {2}Ends when {3}Calls succeed again\./,
  );
  t.match(text, /State {6}Upstream {2}Calls\/s {2}Good/);
  t.match(text, /▲ failing {2}ill +5\.0 +60% .* 112 ms +1\.20 +2\/10/);
  t.match(lines.at(-1), /^and \d+ upstreams more$/);
});

t.test('what there is no room for is left out', async (t) => {
  const long = row('a-very-long-name-of-an-upstream-that-goes-on-and-on-and-on', 50);
  for (const [columns, rows] of [
    [1, 1],
    [20, 5],
    [40, 10],
    [80, 3],
    [200, 60],
  ] as const) {
    const lines = renderFrame(viewOf([long, row('b')]), { ...plain, columns, rows });
    t.ok(lines.length <= rows, `${columns} x ${rows}`);
    if (columns < 40) continue;
    for (const line of lines) t.ok(lengthOf(line) <= columns, line);
  }
  const narrow = renderFrame(viewOf([row('b')]), { ...plain, columns: 40 }).join('\n');
  t.match(narrow, /State +Upstream +Calls\/s +Good\b/);
  t.notMatch(narrow, /Budget|Last error/);
  const wide = renderFrame(viewOf([row('b')]), { ...plain, columns: 200 }).join('\n');
  t.match(wide, /Calls\/s +Good +Fallb\. +p50 +p95 +p99 +Att\. +Slots +Budget +Endp\. +Last error/);
});

t.test('a picture is in colour or not, and in ASCII or not', async (t) => {
  const view = viewOf([row('a', 50), row('b')]);
  t.match(shown(renderFrame(view, { ...plain, hasColours: true })), '␛[31m▲ failing␛[0m  a');
  t.notMatch(shown(renderFrame(view, plain)), '␛');
  const ascii = renderFrame(view, { ...plain, isUtf8: false });
  t.match(ascii.join('\n'), /^[ -~\n]+$/);
  t.match(ascii.join('\n'), /^! failing {2}a/m);
  t.match(ascii.join('\n'), /^ {2}good {5}b/m);
});

t.test('a picture says what is wrong with the process, too', async (t) => {
  const view = viewOf([row('a')], {
    connection: 'lost',
    why: 'nothing listens there',
    nowMs: Date.parse(AT) + 9000,
  });
  view.model.process = {
    ...view.model.process!,
    shedding: 'it is slow',
    eventLoop: { busy: 0.5, delayMs: 7 },
    lastReload: {
      at: AT,
      result: 'invalid',
      diagnostics: [
        {
          file: 'f.yaml',
          line: 3,
          column: 5,
          level: 'error',
          path: 'upstreams.a',
          message: 'is wrong',
        },
      ],
    },
  };
  const text = renderFrame(view, { ...plain, columns: Infinity }).join('\n');
  t.match(
    text,
    /^Connection lost, trying again: nothing listens there\. The numbers are 9 s old\.\n/,
  );
  t.match(text, 'event loop 50% busy, 7 ms late');
  t.match(text, 'It refuses calls: it is slow.');
  t.match(text, 'The last reload was refused 0 s ago: f.yaml:3:5: upstreams.a: is wrong');
  const polls = renderFrame({ ...view, connection: 'polls' }, plain).join(' ');
  t.match(polls, 'read every 5 s, because the stream is full');
});

t.test('what is in shadow is told, and is no trouble', async (t) => {
  const bulkhead = { mode: 'shadow', active: 9, queued: 0, limit: 4, streams: 0 } as const;
  const view = viewOf([row('a', 0, { bulkhead })]);
  view.model.process = { ...view.model.process!, wouldShed: 'it is slow' };
  const text = renderFrame(view, plain).join('\n');
  t.match(text, 'In shadow, it would refuse calls: it is slow.');
  t.match(text, '9/4 shadow');
});

t.test('a state that a later version has is shown by its name', async (t) => {
  const later = row('a', 50);
  const trouble = { ...later.trouble, state: 'melting' as 'open' };
  t.match(renderFrame(viewOf([{ ...later, trouble }]), plain).join('\n'), /^\? melting {2}a /m);
});

const styleOf = (stdout: object, env: Record<string, string>, isWhole = false) =>
  readStyle({ stdin: process.stdin, stdout: stdout as NodeJS.WriteStream, env }, isWhole);

t.test('the style follows the terminal', async (t) => {
  const tty = { isTTY: true, columns: 100, rows: 30, hasColors: () => true };
  t.strictSame(styleOf(tty, { LANG: 'en_GB.UTF-8', TERM: 'xterm' }), {
    columns: 100,
    rows: 30,
    hasColours: true,
    isUtf8: true,
  });
  t.equal(styleOf(tty, {}, true).rows, Infinity);
  t.equal(styleOf(tty, { TERM: 'dumb' }).rows, Infinity);
  t.equal(styleOf({ ...tty, columns: 0 }, {}).columns, 80);
  t.strictSame(styleOf({ isTTY: false }, { LC_ALL: 'C', LANG: 'C.UTF-8' }), {
    columns: Infinity,
    rows: Infinity,
    hasColours: false,
    isUtf8: false,
  });
});

const times = { patience: 300, silence: 300, pause: 20, poll: 20 };

/** Follows until there are so many calls of the handler. */
async function follow(port: number, count: number): Promise<string[]> {
  const feed = new Feed(parsed(String(port)), times);
  const seen: string[] = [];
  const note = (text: string) => {
    seen.push(text);
    if (seen.length >= count) feed.stop();
  };
  const handler: FeedHandler = {
    onMessage: ({ slot }, isAll, way) => note(`${way} ${isAll ? 'all' : 'some'} ${slot}`),
    onLost: (why) => note(`lost: ${why}`),
  };
  await feed.follow(handler);
  return seen;
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const serve = (t: Teardown, handler: Handler) => startUpstream(t, handler);

const say = (response: http.ServerResponse, event: string, slot: number) =>
  response.write(`event: ${event}\ndata: ${JSON.stringify(message(slot, []))}\n\n`);

const begin = (response: http.ServerResponse) =>
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });

t.test('it connects again after the connection was lost', async (t) => {
  let connections = 0;
  const { port } = await serve(t, (_, response) => {
    connections += 1;
    begin(response);
    say(response, 'state', connections);
    if (connections === 1) return void response.end();
    say(response, 'update', connections);
    if (connections === 2) setTimeout(() => response.destroy(), 50);
  });
  t.strictSame(await follow(port, 6), [
    'stream all 1',
    'lost: the connection was closed',
    'stream all 2',
    'stream some 2',
    'lost: the connection broke off',
    'stream all 3',
  ]);
});

t.test('a connection on which nothing comes is given up', async (t) => {
  const { port } = await serve(t, (_, response) => {
    begin(response);
    say(response, 'state', 1);
  });
  t.strictSame(await follow(port, 2), ['stream all 1', 'lost: nothing has come for 0.3 s']);
  const mute = await serve(t, () => {});
  t.strictSame(await follow(mute.port, 1), ['lost: there was no response within 0.3 s']);
});

t.test('where the stream is full it asks again and again', async (t) => {
  let requests = 0;
  const { port } = await serve(t, (request, response) => {
    requests += 1;
    if (request.headers.accept === 'text/event-stream') return void response.writeHead(503).end();
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(message(requests, [])));
  });
  const seen = await follow(port, 7);
  t.strictSame(seen.slice(0, 3), ['polls all 2', 'polls all 3', 'polls all 4']);
  t.equal(seen[6], 'polls all 9', 'the stream was tried again');
});

t.test('it says why there is nothing to read', async (t) => {
  const lost = async (handler: Handler) => (await follow((await serve(t, handler)).port, 1))[0];
  t.equal(
    await lost((_, response) => void response.writeHead(404).end()),
    'lost: it responded 404',
  );
  const alien = 'lost: what responded is not the admin server of a Breakwater';
  t.equal(await lost((_, response) => void response.end('<html>')), alien);
  t.equal(
    await lost((_, response) => {
      begin(response);
      response.write('event: state\ndata: {"a":1}\n\n');
    }),
    alien,
  );
  t.equal(
    await lost((_, response) => {
      begin(response);
      response.write('event: state\ndata: {"a":\n\n');
    }),
    alien,
  );
  t.strictSame(await follow(await findFreePort(), 1), ['lost: nothing listens there']);
});
