/** The memory of a response that has been sent is used again: no client may see bytes of another response. */
import http from 'node:http';
import t from 'tap';
import { startSidecar, startUpstream } from '../support/sidecar.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Of each length that is treated in a way of its own: joined with others, copied, kept as it was read. */
const LENGTHS = [900, 5000, 14_000, 40_000, 70_000, 300_000, 1_200_000];

const CALLS = 600;
const AT_ONCE = 12;

/** The client goes away while a long response comes. */
const leaves = (i: number) => i % 11 === 5 && lengthOf(i) > 100_000;

/** More than the sockets hold: some of it waits in the proxy, because its client does not read for a while. */
const isHuge = (i: number) => i % 120 === 7;

const lengthOf = (i: number) => (isHuge(i) ? 12_000_000 : LENGTHS[i % LENGTHS.length]!);

const isKept = (i: number) => lengthOf(i) <= 1024 * 1024 && !leaves(i);

/** A body of one letter. */
const bodyOf = (i: number) => Buffer.alloc(lengthOf(i), LETTERS[i % LETTERS.length]);

t.test('bodies that are under way at once stay apart', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    const i = Number(request.url!.slice(1));
    const body = bodyOf(i);
    if (i % 3 === 0) response.writeHead(200, { 'Content-Length': body.length });
    if (i % 5 > 0) return void response.end(body);
    // In pieces of several lengths, which arrive together or alone.
    let at = 0;
    const go = (): void => {
      for (let n = 0; n < 3 && at < body.length; n++) {
        const length = 1 + ((at * 31 + i * 977) % 30_000);
        response.write(body.subarray(at, at + length));
        at += length;
      }
      if (at < body.length) setImmediate(go);
      else response.end();
    };
    go();
  });
  const sidecar = await startSidecar(
    t,
    `defaults: { fallback: [{ cache: { ttl: 1h } }], idempotency: { ttl: 1h } }
upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { total: off } } }`,
  );
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  t.teardown(() => agent.destroy());

  /** @returns what came, or undefined where the client has left. */
  const receive = (i: number) =>
    new Promise<Buffer | undefined>((resolve, reject) => {
      const isPost = i % 2 === 0;
      const options = {
        host: '127.0.0.1',
        port: sidecar.port('a'),
        path: `/${i}`,
        method: isPost ? 'POST' : 'GET',
        headers: isPost ? { 'Idempotency-Key': String(i) } : {},
        agent,
      };
      const request = http.request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (leaves(i)) return void request.destroy();
          if ((i % 7 > 0 && !isHuge(i)) || chunks.length > 10) return;
          response.pause();
          setTimeout(() => response.resume(), isHuge(i) ? 100 : 2);
        });
        response.on('end', () => resolve(Buffer.concat(chunks)));
        response.on('error', (error) => (leaves(i) ? resolve(undefined) : reject(error)));
      });
      request.on('error', reject);
      request.end();
    });

  const mixedUp: number[] = [];
  let left = 0;
  let next = 0;
  const client = async () => {
    while (next < CALLS) {
      const i = next++;
      const body = await receive(i);
      if (body === undefined) left++;
      else if (!body.equals(bodyOf(i))) mixedUp.push(i);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  t.strictSame(mixedUp, []);
  t.ok(left > CALLS / 40);

  const replayedBefore = upstream.seen.length;
  for (let i = CALLS - 40; i < CALLS; i += 2) {
    if (isKept(i)) t.ok((await receive(i))?.equals(bodyOf(i)), `the record of call ${i}`);
  }
  t.equal(upstream.seen.length, replayedBefore);
  upstream.server.closeAllConnections();
  upstream.server.close();
  for (let i = CALLS - 39; i < CALLS; i += 2) {
    if (isKept(i)) t.ok((await receive(i))?.equals(bodyOf(i)), `kept of call ${i}`);
  }
});
