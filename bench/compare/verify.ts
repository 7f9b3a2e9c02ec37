/** Checks the responses of a contender before anything is measured; and its circuit opened where that is the workload. */
import http from 'node:http';
import { runGrpcGenerator } from '../support/generators.js';
import type { Contender } from './contenders.js';
import type { Workload } from './workloads.js';

interface ClientResponse {
  readonly status: number;
  readonly body: string;
}

/** Enough for any threshold of failures in a row, and more in a row than chance brings about. */
const FAILURES = 20;

/** Longest time for one gRPC call. */
const CALL_SECONDS = 10;

/** @throws Error that tells which response came instead. */
export async function verify(
  contender: Contender,
  port: number,
  workload: Workload,
): Promise<void> {
  const fail = (what: string): never => {
    throw new Error(`Cannot measure ${contender.name} with ${workload.name} because ${what}`);
  };
  if (workload.protocol === 'grpc') {
    const { requests, refused } = await runGrpcGenerator(
      { port, streams: 1, seconds: CALL_SECONDS, calls: 1 },
      undefined,
    );
    if (requests !== 1 || refused !== 0) fail('a call has another response');
    return;
  }
  if (workload.name === 'open') {
    if (contender.opens === 'tripped') {
      for (let i = 0; i < FAILURES; i++) await send(port, 'GET', '/fail', 0);
    }
    const { status } = await send(port, 'GET', '/item', 0);
    if (status !== 503 && status !== 502) fail(`its circuit is not open: ${status}`);
    return;
  }
  for (const path of new Set([workload.paths[0]!, workload.paths.at(-1)!])) {
    let response = await send(port, workload.method, path, workload.bodyBytes);
    for (let i = 0; i < FAILURES && workload.failingShare > 0 && response.status === 503; i++) {
      response = await send(port, workload.method, path, workload.bodyBytes);
    }
    const { status, body } = response;
    if (status !== 200) fail(`${path} responds ${status}`);
    if (body !== workload.response) fail(`${path} responds with ${body.length} other bytes`);
  }
  if (workload.bodyBytes > 0) {
    const { body } = await send(port, workload.method, '/received', workload.bodyBytes);
    if (body !== String(workload.bodyBytes)) fail(`the upstream received ${body} bytes`);
  }
}

function send(
  port: number,
  method: string,
  path: string,
  bodyBytes: number,
): Promise<ClientResponse> {
  return new Promise((resolve, reject) => {
    const headers = bodyBytes > 0 ? { 'Content-Length': bodyBytes } : {};
    const options = { host: '127.0.0.1', port, method, path, headers, agent: false };
    const request = http.request(options, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    });
    request.on('error', reject);
    request.end('x'.repeat(bodyBytes));
  });
}
