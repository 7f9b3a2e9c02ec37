/**
 * A gRPC stream to a slow reader takes little memory: what waits for the reader is bounded by the windows of HTTP/2.
 *
 * Growth of RSS in MiB, with 100 MiB in messages of 64 KiB, in two runs each:
 *
 *     Node.js        20       22       24       26
 *                30, 36   35, 34   66, 58   51, 62
 *
 * From version 24 on, Node lets more dead buffers add up before it collects them (see memory.test.ts).
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { createGrpcClient, message, startGrpcServer, type ServedCall } from '../support/grpc.js';
import { startProxy } from '../support/proxy-process.js';
import { eventually, findFreePort } from '../support/sidecar.js';

const MEBIBYTE = 1024 * 1024;
const MESSAGES = 1600;
const BOUND_MIB = Number(process.versions.node.split('.')[0]) < 24 ? 64 : 100;

/** 100 MiB in all. */
const MESSAGE = message('x'.repeat(64 * 1024));

/** Sends all messages, and waits whenever the other side is behind. */
function pour(call: ServedCall): void {
  call.begin();
  let left = MESSAGES;
  const go = (): void => {
    while (left > 0) {
      left -= 1;
      if (!call.stream.write(MESSAGE)) return void call.stream.once('drain', go);
    }
    call.end(0);
  };
  go();
}

t.test(
  `a stream of 100 MiB to a slow reader grows the process by less than ${BOUND_MIB} MiB`,
  async (t) => {
    const server = await startGrpcServer(t, (call) => {
      if (call.headers[':path'] === '/test.Files/Read') pour(call);
      else call.respond('hello');
    });
    const [port, admin] = [await findFreePort(), await findFreePort()];
    const proxy = startProxy(
      t,
      `admin: { listen: "127.0.0.1:${admin}" }
log: { level: error }
upstreams: { a: { listen: "127.0.0.1:${port}", target: "${server.url}" } }`,
    );
    await eventually('it has started', () =>
      fetch(`http://127.0.0.1:${admin}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const client = createGrpcClient(t, `http://127.0.0.1:${port}`);
    // The code is compiled and the heap has its usual size.
    for (let i = 0; i < 300; i++) await client.call('/test.Files/Stat');
    const resident = () => {
      const status = readFileSync(`/proc/${proxy.process.pid}/status`, 'latin1');
      return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024) / MEBIBYTE;
    };
    const before = resident();
    let peak = before;
    const sampler = setInterval(() => (peak = Math.max(peak, resident())), 20);
    const { stream } = client.open('/test.Files/Read');
    let bytes = 0;
    let burst = 0;
    let pauseMs = 2000;
    let status: unknown;
    // What has come is not kept.
    stream.removeAllListeners('data');
    stream.on('trailers', (trailers) => (status = trailers['grpc-status']));
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      burst += chunk.length;
      if (burst < 4 * MEBIBYTE) return;
      burst = 0;
      stream.pause();
      setTimeout(() => stream.resume(), pauseMs);
      pauseMs = 20;
    });
    stream.end(message('all'));
    await new Promise((resolve) => stream.once('close', resolve));
    clearInterval(sampler);
    t.equal(bytes, MESSAGES * MESSAGE.length);
    t.equal(status, '0');
    t.ok(peak - before < BOUND_MIB, `grew by ${Math.round(peak - before)} MiB`);
    t.comment(`grew by ${Math.round(peak - before)} MiB`);
  },
);
