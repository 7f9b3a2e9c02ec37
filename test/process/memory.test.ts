import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import { eventually, findFreePort, send, startUpstream } from '../support/sidecar.js';

const BYTES = Number(process.env['STREAM_MIB'] ?? 192) * 1024 * 1024;
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

/** Reads in bursts, so that everything before it fills up. @returns the bytes that came. */
function sip(stream: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let burst = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      burst += chunk.length;
      if (burst < 4 * 1024 * 1024) return;
      burst = 0;
      stream.pause();
      setTimeout(() => stream.resume(), 10);
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
    const proxy = spawn(...node(pathOf('main.js'), 'run', '--config', join(folder, 'f.yaml')));
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
    t.ok(peak - before < 64, `down: grew by ${Math.round(peak - before)} MiB`);
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
    t.ok(peak - before < 64, `up: grew by ${Math.round(peak - before)} MiB`);
    t.comment(`grew by at most ${Math.round(peak - before)} MiB over ${Math.round(before)} MiB`);
  },
);
