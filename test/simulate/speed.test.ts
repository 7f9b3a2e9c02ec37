/** A minute of traffic is simulated in a moment, and a log of any length in bounded memory. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadText } from '../../src/config/load.js';
import { seeded } from '../../src/simulation/chance.js';
import { simulate } from '../../src/simulation/run.js';
import { scenarioOf } from '../../src/simulation/scenarios.js';
import { generateTraffic } from '../../src/simulation/traffic.js';
import { node, pathOf } from '../support/program.js';

const CONFIG = 'upstreams: { catalog: { listen: 8101, target: "http://catalog.internal" } }\n';
const MINUTE_MS = 60_000;

const before = process.cpuUsage();
const { figures } = await simulate(loadText(CONFIG, 'f.yaml', {}).config!, {
  upstream: 'catalog',
  scenario: scenarioOf('flaky'),
  seed: 1,
  source: {
    durationMs: MINUTE_MS,
    open: (upstream) => generateTraffic(upstream, 500, MINUTE_MS, seeded(1)),
  },
  model: { capacity: 1000, latencyMs: 50 },
});
const used = process.cpuUsage(before);

// From when it is loaded it follows each promise, and a simulation takes twice as long.
const { default: t } = await import('tap');

t.test('a minute of 500 calls per second takes less than 3 s of processor time', async (t) => {
  const offered = figures.list().reduce((sum, phase) => sum + phase.figures.offered, 0);
  t.ok(offered > 29_000, `${offered}`);
  const seconds = (used.user + used.system) / 1e6;
  t.ok(seconds < 3, `${seconds} s`);
});

const LINES = 60_000;

function writeLog(file: string): number {
  const descriptor = openSync(file, 'w');
  let bytes = 0;
  for (let i = 0; i < LINES; i += 1000) {
    const lines = Array.from({ length: 1000 }, (_, j) =>
      JSON.stringify({
        time: new Date(1_800_000_000_000 + i + j).toISOString(),
        upstream: 'catalog',
        method: 'GET',
        path: `/items/${j}`,
        outcomes: ['success'],
        endpoints: ['10.0.0.1:8080'],
        upstreamMs: 20,
        durationMs: 21,
        requestId: `${i}-${j}`,
        msg: 'exchange',
        more: 'x'.repeat(1000),
      }),
    );
    bytes += writeSync(descriptor, `${lines.join('\n')}\n`);
  }
  closeSync(descriptor);
  return bytes;
}

t.test('a log that is larger than the memory can be replayed', async (t) => {
  const folder = t.testdir({ 'f.yaml': CONFIG });
  const log = join(folder, 'access.log');
  const bytes = writeLog(log);
  t.ok(bytes > 65_000_000, `${bytes}`);
  const command = ['simulate', join(folder, 'f.yaml'), '--upstream', 'catalog'];
  const options = ['--requests', log, '--scenario', 'steady', '--format', 'json'];
  const [program, args] = node(
    '--max-old-space-size=64',
    pathOf('main.js'),
    ...command,
    ...options,
  );
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  const [phase] = (JSON.parse(stdout) as { files: { phases: { offered: number }[] }[] }).files[0]!
    .phases;
  t.equal(phase!.offered, LINES);
});
