/** A real Prometheus, of Debian's package of that name, that scrapes what a test gives it. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, findFreePort, type Teardown } from './sidecar.js';

/** For tap's `skip`: why there is none to test with, or false. */
export const withoutPrometheus: string | false =
  spawnSync('prometheus', ['--version']).status === 0
    ? false
    : 'there is no prometheus (the Debian package of that name)';

/** One series, with its values over time. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: string])[];
}

export interface Prometheus {
  /** Data of a response of its API. */
  get(path: string, parameters?: Readonly<Record<string, string>>): Promise<unknown>;
  /** All values of an expression since the start, one per scrape. */
  range(expression: string): Promise<readonly Series[]>;
}

/** In seconds. */
export const SCRAPE_INTERVAL = 0.5;

/**
 * @param jobs addresses to scrape, by the name of the job.
 * @param groups of rules, as in a file of rules.
 */
export async function startPrometheus(
  t: Teardown,
  jobs: Readonly<Record<string, readonly string[]>>,
  groups: readonly object[],
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-prometheus-'));
  const port = await findFreePort();
  const write = (name: string, content: object) =>
    // JSON is YAML.
    writeFileSync(join(folder, name), JSON.stringify(content));
  const interval = `${SCRAPE_INTERVAL * 1000}ms`;
  write('rules.yml', { groups });
  write('prometheus.yml', {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ['rules.yml'],
    scrape_configs: Object.entries(jobs).map(([name, targets]) => ({
      job_name: name,
      static_configs: [{ targets }],
    })),
  });
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exit = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  });
  const address = `http://127.0.0.1:${port}`;
  const startedAt = Date.now() / 1000;

  const get: Prometheus['get'] = async (path, parameters = {}) => {
    const response = await fetch(
      `${address}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
    );
    const { data, error } = (await response.json()) as { data?: unknown; error?: string };
    if (error !== undefined)
      throw new Error(`Prometheus refuses ${JSON.stringify(parameters)}: ${error}`);
    return data;
  };
  await eventually('Prometheus is ready', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus has ended: ${log}`);
    const response = await fetch(`${address}/-/ready`).catch(() => undefined);
    return response?.ok === true;
  });
  const range: Prometheus['range'] = async (expression) => {
    const data = await get('query_range', {
      query: expression,
      start: String(startedAt),
      end: String(Date.now() / 1000),
      step: String(SCRAPE_INTERVAL),
    });
    return (data as { result: readonly Series[] }).result;
  };
  // It looks at its list of targets every 5 s.
  await eventually(
    'Prometheus has begun to scrape',
    async () => (await range('count_over_time(up[10s]) >= 2')).length > 0,
  );
  return { get, range };
}
