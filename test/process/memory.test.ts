/**
 * Bodies are streamed, not collected. The bound is on the memory that the proxy holds, so its garbage is collected every 50 ms.
 *
 * Without that, the figure is one of Node.js: each version lets dead buffers add up to a limit of its own before it collects
 * them. Growth of RSS in MiB with one stream, the larger of both directions:
 *
 *     Node.js                     20   22   24   26
 *     body of  48 MiB             35   36   69   73
 *     body of 192 MiB             40   37   65   73
 *     body of 768 MiB             42   39   78   75
 *     768 MiB, collected           9    8    7    7
 *
 * All of it is `arrayBuffers`; the heap grows by 3 MiB at most. It does not grow with the body.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import { eventually, findFreePort, send, startUpstream } from '../support/sidecar.js';

const BYTES = Number(process.env['STREAM_MIB'] ?? 64) * 1024 * 1024;
const BOUND_MIB = 24;
/** Leaves only what is in use. */
const COLLECT = ['--expose-gc', '--import', 'data:text/javascript,setInterval(gc, 50).unref()'];
const CHUNK = Buffer.alloc(64 * 1024);

/** Writes `BYTES` and waits whenever the other side is behind. */
function pour(stream: NodeJS.WritableStream): void {
  let left = BYTES;
  const go = (): void => {
    while (left > 0) {
      left -= CHUNK.length;
      if (!stream.write(CHUNK)) return void stream.once('drain', go);
    }
    stream.end();
  };
  go();
}

/** Stops for two seconds after the first burst, so that everything before it fills up. @returns the bytes that came. */
function sip(stream: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let burst = 0;
    let pauseMs = 2000;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      burst += chunk.length;
      if (burst < 4 * 1024 * 1024) return;
      burst = 0;
      stream.pause();
      setTimeout(() => stream.resume(), pauseMs);
      pauseMs = 10;
    });
    stream.on('end', () => resolve(bytes));
    stream.on('error', reject);
  });
}

t.test(
  'streams a large body down to a slow reader and up to a slow upstream in little memory',
  async (t) => {
    const upstream = await startUpstream(t, (request, response) => {
      if (request.url === '/small') return void response.end('ok');
      if (request.method === 'GET') {
        response.writeHead(200, { 'Content-Length': BYTES });
        return pour(response);
      }
      void sip(request).then((bytes) => response.end(String(bytes)));
    });
    const [port, adminPort] = [await findFreePort(), await findFreePort()];
    const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
    writeFileSync(
      join(folder, 'f.yaml'),
      `admin: { listen: ${adminPort} }
upstreams: { a: { listen: ${port}, target: "${upstream.url}", timeout: { total: off } } }`,
    );
    const proxy = spawn(
      ...node(...COLLECT, pathOf('main.js'), 'run', '--config', join(folder, 'f.yaml')),
    );
    t.teardown(() => {
      proxy.kill();
      rmSync(folder, { recursive: true });
    });
    const url = `http://127.0.0.1:${port}`;
    await eventually('it is ready', () =>
      send(`http://127.0.0.1:${adminPort}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    // The code is compiled and the heap has its usual size.
    for (let i = 0; i < 300; i++) await send(`${url}/small`);

    const rss = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${proxy.pid}/status`, 'utf8'))![1]) / 1024;
    const before = rss();
    let peak = before;
    const sampler = setInterval(() => (peak = Math.max(peak, rss())), 20);
    t.teardown(() => clearInterval(sampler));
    const down = await new Promise<number>((resolve, reject) => {
      http.get(url, (response) => void sip(response).then(resolve, reject)).on('error', reject);
    });
    t.equal(down, BYTES);
    t.ok(peak - before < BOUND_MIB, `down: grew by ${Math.round(peak - before)} MiB`);
    peak = before;
    const up = await new Promise<string>((resolve, reject) => {
      const request = http.request(
        url,
        { method: 'PUT', headers: { 'Content-Length': BYTES } },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => resolve(text));
        },
      );
      request.on('error', reject);
      pour(request);
    });
    t.equal(up, String(BYTES));
    t.ok(peak - before < BOUND_MIB, `up: grew by ${Math.round(peak - before)} MiB`);
    t.comment(`grew by at most ${Math.round(peak - before)} MiB over ${Math.round(before)} MiB`);
  },
);
