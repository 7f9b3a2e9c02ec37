/** Any number of keys takes a bounded amount of memory, whatever is in them. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { node } from '../support/program.js';

const moduleOf = (path: string) =>
  JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

const program = `
  import { createHash } from 'node:crypto';
  import { Limiter } from ${moduleOf('policies/rate-limit/limiter.js')};
  const hash = (text) => createHash('sha256').update(text).digest('base64url');
  const clock = { now: () => performance.now() };
  const perKey = { header: 'X-Api-Key', rate: 1 / 3600, burst: 5 };
  const limiter = new Limiter({ rate: 1e6, perKey, shared: false }, { clock, hash });
  const used = () => (gc(), process.memoryUsage().heapUsed);
  const before = used();
  const call = (value) => {
    const tallies = limiter.talliesOf(['X-Api-Key', value]);
    limiter.arrive(tallies);
    limiter.count(tallies);
  };
  for (let i = 0; i < 60_000; i++) call(String(i).padEnd(64, '.'));
  for (let i = 0; i < 60_000; i++) call(String(i).padEnd(2000, '.'));
  console.log(JSON.stringify({ keys: limiter.keys, mebibytes: (used() - before) / 2 ** 20 }));
`;

t.test('120,000 keys, half of them long, take less than 16 MiB', async (t) => {
  const [command, args] = node('--expose-gc', '--input-type=module', '-e', program);
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  t.equal(stderr, '');
  const { keys, mebibytes } = JSON.parse(stdout) as { keys: number; mebibytes: number };
  t.equal(keys, 50_000);
  t.ok(mebibytes < 16, `${mebibytes} MiB`);
});
