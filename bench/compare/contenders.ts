/** The contenders that run on Node.js, and no proxy at all. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version as breakwaterVersion } from '../../src/version.js';
import { ROUTES, type Workload } from './workloads.js';

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
}

export interface Contender {
  readonly name: string;
  readonly title: string;
  /** What is on, for the reader of a table. */
  readonly policies: string;
  /** Undefined where it is not installed. */
  version(): Promise<string | undefined>;
  /** Whether a failed try is tried again in `failing`. */
  readonly retries: boolean;
  /** How it comes to refuse calls at once in `open`: after failures, because it is told so, or never. */
  readonly opens: 'tripped' | 'told' | 'never';
  /** Undefined for none: the load goes to the upstream. */
  prepare: ((setup: Setup) => Command) | undefined;
}

const require = createRequire(import.meta.url);
const packageVersion = (name: string): string => {
  const { version } = require(`${name}/package.json`) as { version: string };
  return version;
};

const script = (name: string) => fileURLToPath(new URL(`../proxies/${name}.js`, import.meta.url));
const program = fileURLToPath(new URL('../../src/main.js', import.meta.url));

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
  retries: false,
  opens: 'never',
  prepare: undefined,
};

const floor: Contender = {
  name: 'floor',
  title: 'Fastify + undici dispatch (the floor)',
  policies: 'none',
  version: async () => `fastify ${packageVersion('fastify')}, undici ${packageVersion('undici')}`,
  retries: false,
  opens: 'never',
  prepare: (setup) => runNode(script('floor'), setup),
};

const breakwater: Contender = {
  name: 'breakwater',
  title: 'Breakwater',
  policies: 'all that are on by default',
  version: async () => breakwaterVersion,
  retries: true,
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

export const nodeContenders: readonly Contender[] = [direct, floor, breakwater];
