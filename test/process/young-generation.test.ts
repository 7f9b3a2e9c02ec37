/** What a start leaves in memory: a young generation of the heap that is small, and no libraries without use. */
import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { node, pathOf } from '../support/program.js';

const MEBIBYTE = 2 ** 20;

/** @returns bytes that half of the young generation can hold in a process that made much, a part of which stays. */
async function capacityAfter(step: string): Promise<number> {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { keepYoungSmall, letYoungGrow } from ${JSON.stringify(pathToFileURL(pathOf('platform/young-generation.js')).href)};
    ${step}
    const kept = [];
    for (let turn = 0; turn < 500; turn++) {
      const made = Array.from({ length: 2000 }, (_, i) => ({ turn, i, text: String(i) }));
      kept.push(...made.filter((_, i) => i % 2 === 0));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(young.space_used_size + young.space_available_size);
  `;
  const [command, args] = node('--input-type=module', '--eval', script);
  const { stdout } = await promisify(execFile)(command, [...args]);
  return Number(stdout);
}

t.test('it stays small while a start is under way', async (t) => {
  const capacity = await capacityAfter('keepYoungSmall();');
  t.ok(capacity <= 2 * MEBIBYTE, `${capacity} bytes`);
});

t.test('it grows again where much is made that stays', async (t) => {
  const capacity = await capacityAfter('keepYoungSmall(); letYoungGrow();');
  // 16 MiB, and 32 MiB from Node.js 24 on.
  t.ok(capacity >= 15 * MEBIBYTE, `${capacity} bytes`);
});

t.test('a start does not load the compilers of schemas, as no route has one', async (t) => {
  const script = `
    import { createRequire } from 'node:module';
    const { createHttp1 } = await import(${JSON.stringify(pathToFileURL(pathOf('inbound/http1/listener.js')).href)});
    await (await createHttp1()).close();
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(loaded.filter((file) => /ajv-compiler|stringify-compiler/.test(file)).length, loaded.some((file) => file.includes('fastify')));
  `;
  const [command, args] = node('--input-type=module', '--eval', script);
  const { stdout } = await promisify(execFile)(command, [...args], { cwd: pathOf('.') });
  t.equal(stdout.trim(), '0 true');
});
