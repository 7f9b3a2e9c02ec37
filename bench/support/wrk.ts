/** As many requests as a proxy takes, from wrk: a closed loop, so good for throughput and not for latency. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childrenCpuSeconds, output, pinned } from './program.js';

export interface Load {
  readonly method: 'GET' | 'POST';
  /** One of these by turns. */
  readonly paths: readonly string[];
  readonly bodyBytes: number;
  /** Fields of each request, beside Host. */
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
}

export interface Saturation {
  readonly requests: number;
  /** Of these, with a status other than 2xx or 3xx. */
  readonly refused: number;
  /** Connections that failed or broke, and requests without a response. */
  readonly broken: number;
  readonly perSecond: number;
  /** Share of one processor that the generator used. */
  readonly generatorShare: number;
}

/** @param directory takes the script. */
export async function saturateWithWrk(
  port: number,
  load: Load,
  core: number | undefined,
  directory: string,
): Promise<Saturation> {
  const script = join(directory, 'load.lua');
  writeFileSync(script, scriptOf(load));
  const cpuBefore = childrenCpuSeconds();
  const startedMs = performance.now();
  const [command, ...args] = [
    ...pinned(core),
    'wrk',
    '-t1',
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    '--timeout=10s',
    `--script=${script}`,
    `http://127.0.0.1:${port}${load.paths[0]}`,
  ];
  const text = (await output(command!, ...args)) ?? '';
  const elapsed = (performance.now() - startedMs) / 1000;
  const numbers = (pattern: RegExp) => pattern.exec(text)?.slice(1).map(Number) ?? [];
  const [requests] = numbers(/(\d+) requests in /);
  const [perSecond] = numbers(/Requests\/sec:\s+([\d.]+)/);
  if (requests === undefined || perSecond === undefined) {
    throw new Error(`Cannot measure because wrk ended with:\n${text}`);
  }
  const [refused] = numbers(/Non-2xx or 3xx responses: (\d+)/);
  const broken = numbers(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
  return {
    requests,
    refused: refused ?? 0,
    broken: broken.reduce((sum, each) => sum + each, 0),
    perSecond,
    generatorShare: (childrenCpuSeconds() - cpuBefore) / elapsed,
  };
}

/** Lua runs per request only where paths vary. */
function scriptOf({ method, paths, bodyBytes, headers }: Load): string {
  const lines = [
    `wrk.method = '${method}'`,
    ...(bodyBytes > 0 ? [`wrk.body = string.rep('x', ${bodyBytes})`] : []),
    ...Object.entries(headers).map(([name, value]) => `wrk.headers['${name}'] = '${value}'`),
  ];
  if (paths.length > 1) {
    lines.push(
      `local paths = { ${paths.map((path) => `'${path}'`).join(', ')} }`,
      'local requests, turn = {}, 0',
      'function init()',
      '  for i, path in ipairs(paths) do requests[i] = wrk.format(nil, path) end',
      'end',
      'function request()',
      '  turn = turn % #requests + 1',
      '  return requests[turn]',
      'end',
    );
  }
  return `${lines.join('\n')}\n`;
}
