/** The contenders that run on Node.js, and no proxy at all. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version as breakwaterVersion } from '../../src/version.js';
import { ROUTES, workloads, type Workload, type WorkloadName } from './workloads.js';

export interface Setup {
  readonly port: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
  readonly workload: Workload;
  /** For configuration files. */
  readonly directory: string;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface Contender {
  readonly name: string;
  readonly title: string;
  /** What is on, for the reader of a table. */
  readonly policies: string;
  /** Undefined where it is not installed. */
  version(): Promise<string | undefined>;
  /** Of a GET that gets 503 each time, without a delay between them. */
  readonly attempts: number;
  /** How it comes to refuse calls at once in `open`: after failures, because it is told so, or never. */
  readonly opens: 'tripped' | 'told' | 'never';
  /** Workloads that it cannot be put through, and why. */
  readonly unfit?: { readonly [name in WorkloadName]?: string };
  /** Undefined for none: the load goes to the upstream. */
  readonly prepare: ((setup: Setup) => Command) | undefined;
}

/** Also of packages that do not export their package.json. */
const packageVersion = (name: string): string => {
  const file = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
};

const script = (name: string) => fileURLToPath(new URL(`../proxies/${name}.js`, import.meta.url));
/** What users start: the bundle. */
const program = fileURLToPath(new URL('../../program/main.js', import.meta.url));

const runNode = (file: string, { port, upstreamPort, workload }: Setup): Command => ({
  command: process.execPath,
  args: [
    file,
    String(port),
    `http://127.0.0.1:${upstreamPort}`,
    workload.name === 'routes' ? String(ROUTES) : '0',
  ],
});

const direct: Contender = {
  name: 'direct',
  title: 'no proxy',
  policies: '',
  version: async () => '',
  attempts: 1,
  opens: 'never',
  prepare: undefined,
};

/** Of those that are not compared with gRPC. */
export const unfitForGrpc = { 'grpc-unary': 'Envoy is the peer for gRPC' } as const;

const floor: Contender = {
  name: 'floor',
  title: 'Fastify + undici dispatch (the floor)',
  policies: 'none',
  version: async () => `fastify ${packageVersion('fastify')}, undici ${packageVersion('undici')}`,
  attempts: 1,
  opens: 'never',
  unfit: unfitForGrpc,
  prepare: (setup) => runNode(script('floor'), setup),
};

/** Of HTTP/2. */
const http2Floor: Contender = {
  name: 'http2-floor',
  title: 'node:http2 (the floor)',
  policies: 'none',
  version: async () => process.versions.node,
  attempts: 1,
  opens: 'never',
  unfit: Object.fromEntries(
    workloads
      .filter(({ protocol }) => protocol !== 'grpc')
      .map(({ name }) => [name, 'it speaks HTTP/2 alone']),
  ),
  prepare: (setup) => runNode(script('http2-floor'), setup),
};

/** The figures of the others are relative to these. */
export const isFloor = ({ name }: Contender): boolean =>
  name === floor.name || name === http2Floor.name;

const breakwater: Contender = {
  name: 'breakwater',
  title: 'Breakwater',
  policies: 'all that are on by default',
  version: async () => breakwaterVersion,
  attempts: 3,
  opens: 'tripped',
  prepare(setup) {
    const file = join(setup.directory, 'breakwater.yaml');
    writeFileSync(file, breakwaterConfig(setup));
    return { command: process.execPath, args: [program, 'run', '--config', file] };
  },
};

/** The defaults, but for what a workload is about. */
function breakwaterConfig({ port, adminPort, upstreamPort, workload }: Setup): string {
  const lines = [
    `admin: { listen: "127.0.0.1:${adminPort}" }`,
    'upstreams:',
    '  a:',
    `    listen: "127.0.0.1:${port}"`,
    `    target: "http://127.0.0.1:${upstreamPort}"`,
  ];
  switch (workload.name) {
    case 'routes':
      lines.push('    routes:');
      for (let i = 0; i < ROUTES; i++) {
        lines.push(
          `      - { name: r${i}, match: { path: "/r${i}/*" }, retry: { maxAttempts: 2 } }`,
        );
      }
      break;
    case 'failing':
      // As its peers: neither a delay nor a budget holds retries back, and the circuit stays closed.
      lines.push(
        '    retry: { backoff: { baseDelay: 1ms, maxDelay: 1ms }, budget: { ratio: 100%, minPerSecond: 1000000 } }',
        '    circuitBreaker: { failureThreshold: 1000, failureRate: { threshold: 90% } }',
      );
      break;
    case 'open':
      lines.push(
        '    retry: off',
        '    circuitBreaker: { recoveryTimeout: 1h, maxRecoveryTimeout: 1h }',
      );
      break;
    default:
      break;
  }
  return `${lines.join('\n')}\n`;
}

const bareHttpProxy: Contender = {
  name: 'fastify-http-proxy',
  title: '@fastify/http-proxy',
  policies: 'none of the five; up to ten retries of a GET',
  version: async () => packageVersion('@fastify/http-proxy'),
  attempts: 11,
  opens: 'never',
  unfit: unfitForGrpc,
  prepare: (setup) => runNode(script('bare-http-proxy'), setup),
};

const httpProxy3: Contender = {
  name: 'http-proxy-3',
  title: 'http-proxy-3',
  policies: 'none',
  version: async () => packageVersion('http-proxy-3'),
  attempts: 1,
  opens: 'never',
  unfit: unfitForGrpc,
  prepare: (setup) => runNode(script('http-proxy-3'), setup),
};

export const nodeContenders: readonly Contender[] = [
  direct,
  floor,
  http2Floor,
  breakwater,
  bareHttpProxy,
  httpProxy3,
];
