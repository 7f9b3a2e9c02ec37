/** The floor and Breakwater side by side under the smallest call, for measurements of what a call costs in processor time. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOwnGenerator } from './generators.js';
import { findFreePort, type Program, type Programs } from './program.js';
import { scriptPath } from './upstreams.js';

/** The processors that this process may use. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return (list ?? '').split(',').flatMap((range) => {
    const [first, last] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: (last ?? first) - first + 1 }, (_, i) => first + i);
  });
}

const [loadCore, proxyCore] = allowedCores();

/** The proxy alone on one, all else on the other; no place of their own where there is only one. */
export const cores: { readonly proxy?: number; readonly load?: number | undefined } =
  proxyCore === undefined ? {} : { proxy: proxyCore, load: loadCore };

export interface Proxy {
  readonly name: string;
  readonly program: Program;
  readonly port: number;
}

/** An upstream of our own on every machine, so that figures can be compared. @param hosts where it listens. */
export async function startOwnUpstream(
  programs: Programs,
  hosts: readonly string[] = ['127.0.0.1'],
): Promise<number> {
  const port = await findFreePort();
  const args = [scriptPath('upstream.js'), String(port), ...hosts];
  await programs.start('upstream', { command: process.execPath, args, core: cores.load, port });
  return port;
}

export async function startFloor(
  programs: Programs,
  upstreamPort: number,
  nodeArguments: readonly string[] = [],
): Promise<Proxy> {
  const port = await findFreePort();
  const target = `http://127.0.0.1:${upstreamPort}`;
  const script = scriptPath('../proxies/floor.js');
  const args = [...nodeArguments, script, String(port), target, '0'];
  const options = { command: process.execPath, args, core: cores.proxy, port };
  return { name: 'floor', port, program: await programs.start('floor', options) };
}

export interface BreakwaterOptions {
  readonly name: string;
  readonly upstreamPort: number;
  /** Policy keys of the only upstream, a line each. */
  readonly policies: readonly string[];
  /** Sections of the file, a line each. */
  readonly sections?: readonly string[];
  readonly adminPort?: number;
  /** For the configuration file. */
  readonly directory: string;
  readonly nodeArguments?: readonly string[];
}

export async function startBreakwater(
  programs: Programs,
  options: BreakwaterOptions,
): Promise<Proxy> {
  const { name, upstreamPort, policies, sections = [], directory, nodeArguments = [] } = options;
  const { adminPort = await findFreePort() } = options;
  const port = await findFreePort();
  const file = join(directory, `${name.replaceAll(/\W/g, '-')}.yaml`);
  const lines = [
    `admin: { listen: "127.0.0.1:${adminPort}" }`,
    ...sections,
    'upstreams:',
    '  a:',
    `    listen: "127.0.0.1:${port}"`,
    `    target: "http://127.0.0.1:${upstreamPort}"`,
    ...policies.map((line) => `    ${line}`),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const args = [...nodeArguments, scriptPath('../../src/main.js'), 'run', '--config', file];
  const command = { command: process.execPath, args, core: cores.proxy, port };
  return { name, port, program: await programs.start(name, command) };
}

const CONNECTIONS = 64;

/**
 * As many small GETs as the proxy can serve.
 * @returns how many.
 * @throws Error when one failed.
 */
export async function loadSmallGets({ name, port }: Proxy, seconds: number): Promise<number> {
  const load = await runOwnGenerator(
    {
      method: 'GET',
      paths: ['/item'],
      bodyBytes: 0,
      headers: {},
      connections: CONNECTIONS,
      seconds,
      port,
      rate: undefined,
    },
    cores.load,
  );
  if (load.refused + load.broken > 0 || load.requests === 0) {
    throw new Error(
      `Cannot measure ${name} because of ${load.requests} requests ${load.refused + load.broken} failed`,
    );
  }
  return load.requests;
}

/**
 * Loads a proxy with as many small GETs as it can serve.
 * @returns microseconds of its processor time, user and system, per request; it hardly depends on what else the machine does.
 * @throws Error when a request failed.
 */
export async function microsecondsPerRequest(proxy: Proxy, seconds: number): Promise<number> {
  const before = proxy.program.cpuSeconds();
  const requests = await loadSmallGets(proxy, seconds);
  return ((proxy.program.cpuSeconds() - before) / requests) * 1e6;
}
