/** An upstream that responds, refuses, hangs, resets, truncates, dribbles and talks garbage, at random from a seed. */
import net from 'node:net';

/** mulberry32: small, seeded, good enough to choose faults with. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Behaviour = (socket: net.Socket) => void;

const ok: Behaviour = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');

const behaviours: readonly (readonly [weight: number, behaviour: Behaviour])[] = [
  [50, ok],
  [
    8,
    (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
  ],
  [8, (socket) => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy')],
  [4, (socket) => socket.write('HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n')],
  [4, () => {}],
  [4, (socket) => socket.resetAndDestroy()],
  [4, (socket) => socket.end()],
  [4, (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly a part')],
  [3, (socket) => socket.write('this is no HTTP at all\r\n\r\n')],
  [
    2,
    (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nextra'),
  ],
  [3, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')],
  [
    6,
    (socket) => {
      const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow body';
      let sent = 0;
      const timer = setInterval(() => {
        if (socket.destroyed || sent >= bytes.length) return clearInterval(timer);
        socket.write(bytes.slice(sent, sent + 7));
        sent += 7;
      }, 5);
    },
  ],
];

const total = behaviours.reduce((sum, [weight]) => sum + weight, 0);

function choose(random: () => number): Behaviour {
  let left = random() * total;
  for (const [weight, behaviour] of behaviours) {
    left -= weight;
    if (left < 0) return behaviour;
  }
  return ok;
}

/** Reads requests only as far as it must: until the end of a head, and whatever follows within the same packets. */
export function createFaultyServer(random: () => number): net.Server {
  return net.createServer((socket) => {
    socket.on('error', () => {});
    // Refused as far as a client can tell: gone before a byte.
    if (random() < 0.03) return void socket.resetAndDestroy();
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      const end = seen.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(seen.slice(0, end))?.[1] ?? 0);
      const isChunked = /transfer-encoding: chunked/i.test(seen.slice(0, end));
      const isWhole = isChunked ? seen.endsWith('0\r\n\r\n') : seen.length >= end + 4 + length;
      if (!isWhole) return;
      seen = '';
      choose(random)(socket);
    });
  });
}
