/** No key of a source is dropped silently, and no source makes an invalid file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { array, assert, constantFrom, double, oneof, property, record, string } from 'fast-check';
import t from 'tap';
import { parseAllDocuments, stringify } from 'yaml';
import { checkText } from '../../src/config/check.js';
import { importFiles, type SystemName } from '../../src/importing/index.js';

const folder = fileURLToPath(new URL('../../../test/importing/samples/', import.meta.url));

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const samples = ['dapr', 'envoy', 'resilience4j'].map((system) => ({
  system: system as SystemName,
  documents: parseAllDocuments(readFileSync(join(folder, `${system}.yaml`), 'utf8'), {
    merge: true,
  }).map((document) => document.toJS() as Json),
}));

const write = (documents: readonly Json[]) =>
  documents.map((document) => stringify(document, { aliasDuplicateObjects: false })).join('---\n');

type Place = readonly (string | number)[];

function placesOf(value: Json, path: Place = []): Place[] {
  if (value === null || typeof value !== 'object') return [path];
  const parts = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...parts.flatMap(([step, part]) => placesOf(part, [...path, step]))];
}

const leavesOf = (document: Json) => {
  const places = placesOf(document);
  return places.filter((path) => {
    const value = path.reduce<Json>((part, step) => (part as never)[step], document);
    return value === null || typeof value !== 'object';
  });
};

/** Their values stand in the result without their keys. */
const frames = new Set(['apiVersion', 'kind', 'name', 'cluster_name', 'port_value', '@type']);

function replaced(value: Json, path: Place, make: (old: Json) => Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return make(value);
  if (Array.isArray(value)) {
    return value.map((part, i) => (i === step ? replaced(part, rest, make) : part));
  }
  const map = value as Record<string, Json>;
  return { ...map, [step]: replaced(map[step]!, rest, make) };
}

/** The errors of `check` in the result, or undefined where there is no result. */
function errorsIn(system: SystemName, text: string) {
  const imported = importFiles(system, [{ name: 'f', text }], { hasFile: () => false });
  if (imported.text === undefined) return undefined;
  return checkText(imported.text, 'f', {})
    .diagnostics.filter(({ level }) => level === 'error')
    .map(({ path, message }) => `${path}: ${message}`);
}

const MARK = 'zzunknown';

for (const { system, documents } of samples) {
  t.test(`${system}: each value of the sample is in the result, by its key`, async (t) => {
    const text = write(documents);
    const imported = importFiles(system, [{ name: 'f', text }], { hasFile: () => false });
    const missing = documents.flatMap((document) =>
      leavesOf(document).filter((path) => {
        if (system === 'resilience4j' && path[0] !== 'resilience4j') return false;
        const key = String(path.findLast((step) => typeof step === 'string'));
        const name = key.split('.').at(-1)!;
        return !frames.has(key) && !imported.text!.includes(name);
      }),
    );
    t.same(missing, []);
  });

  t.test(`${system}: a key that no importer knows is told, wherever it stands`, async (t) => {
    const places = documents.flatMap((document, i) =>
      placesOf(document).map((path) => ({ path, i })),
    );
    const maps = places.filter(({ path, i }) => {
      const part = path.reduce<Json>((value, step) => (value as never)[step], documents[i]!);
      return part !== null && typeof part === 'object' && !Array.isArray(part);
    });
    for (const { path, i } of maps) {
      if ((documents[i] as { kind?: string }).kind === 'Component') continue;
      // What stands beside resilience4j is named by its first key only.
      if (system === 'resilience4j' && path[0] !== 'resilience4j') continue;
      const changed = documents.map((document, k) =>
        k === i ? replaced(document, path, (old) => ({ ...(old as object), [MARK]: 7 })) : document,
      );
      const text = write(changed);
      const imported = importFiles(system, [{ name: 'f', text }], { hasFile: () => false });
      t.ok(imported.text?.includes(MARK), `at ${i}: ${path.join('.')}`);
    }
  });

  t.test(`${system}: the result is valid, whatever the values are`, async () => {
    const scalar = oneof(
      constantFrom<Json>(
        '',
        '0',
        '0s',
        '5',
        '1.5s',
        '-1',
        'off',
        '${X}',
        '${X:2s}',
        'a b',
        '#',
        '* x',
      ),
      constantFrom<Json>(0, -1, 1, 3.5, 1e12, true, null, [], {}, [[]], ['1', 2], { a: 1 }),
      string(),
      double({ noNaN: true, noDefaultInfinity: true }),
    );
    const all = documents.flatMap((document, i) => placesOf(document).map((path) => ({ path, i })));
    const change = record({ place: constantFrom(...all), value: scalar });
    assert(
      property(array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let changed: readonly Json[] = documents;
        for (const { place, value } of changes) {
          try {
            changed = changed.map((document, k) =>
              k === place.i ? replaced(document, place.path, () => value) : document,
            );
          } catch {
            // An earlier change has taken the place away.
          }
        }
        const errors = errorsIn(system, write(changed));
        if (errors !== undefined && errors.length > 0) throw new Error(errors.join('\n'));
      }),
      { numRuns: 60 },
    );
  });
}
