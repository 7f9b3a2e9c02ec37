import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { SharedPage } from '../../src/telemetry/exposition/shared-page.js';
import { readPage } from '../support/page.js';

const noBreak = () => Promise.resolve();

/** A page whose pieces come one per `next()`; `begun` counts its renderings, `made` their pieces. */
function build(pieces: readonly string[]) {
  const state = { begun: 0, made: 0, left: 0 };
  let release: (() => void) | undefined;
  const page = new SharedPage(async function* () {
    const rendering = ++state.begun;
    try {
      for (const piece of pieces) {
        await new Promise<void>((resolve) => (release = resolve));
        state.made++;
        yield `${rendering}:${piece} `;
      }
    } finally {
      state.left++;
    }
  }, noBreak);
  return {
    state,
    page,
    next: async (): Promise<void> => {
      release?.();
      await setImmediate();
    },
  };
}

t.test('scrapes that come together read one page', async (t) => {
  const { state, page, next } = build(['a', 'b']);
  const scrapes = [readPage(page.read()), readPage(page.read())];
  for (let i = 0; i < 3; i++) await next();
  t.same(await Promise.all(scrapes), ['1:a 1:b ', '1:a 1:b ']);
  t.equal(state.begun, 1);
});

t.test('scrapes that come while a page is rendered share the next one', async (t) => {
  const { state, page, next } = build(['a', 'b']);
  const first = readPage(page.read());
  await next();
  await next();
  t.equal(state.made, 1);
  const later = [readPage(page.read()), readPage(page.read())];
  for (let i = 0; i < 5; i++) await next();
  t.equal(await first, '1:a 1:b ');
  t.same(await Promise.all(later), ['2:a 2:b ', '2:a 2:b ']);
  t.equal(state.begun, 2);
});

t.test('a scrape after the end of a page has a new one', async (t) => {
  const { page, next } = build(['a']);
  const first = readPage(page.read());
  for (let i = 0; i < 2; i++) await next();
  t.equal(await first, '1:a ');
  const second = readPage(page.read());
  for (let i = 0; i < 2; i++) await next();
  t.equal(await second, '2:a ');
});

t.test('a slow scrape delays no other, and has its whole page all the same', async (t) => {
  const { page, next } = build(['a', 'b']);
  const slow = page.read();
  const begun = slow.next();
  const fast = readPage(page.read());
  for (let i = 0; i < 2; i++) await next();
  t.equal(String((await begun).value), '1:a ');
  await next();
  t.equal(await fast, '1:a 1:b ');
  const later = readPage(page.read());
  for (let i = 0; i < 2; i++) await next();
  t.equal(String((await slow.next()).value), '1:b ', 'of the page that it began with');
  t.equal((await slow.next()).done, true);
  await next();
  t.equal(await later, '2:a 2:b ');
});

t.test(
  'nothing more is rendered once all scrapes have left, and the next begins anew',
  async (t) => {
    const { state, page, next } = build(['a', 'b', 'c']);
    const scrape = page.read();
    const read = scrape.next();
    for (let i = 0; i < 2; i++) await next();
    await read;
    await scrape.return(undefined);
    await next();
    t.equal(state.made, 2, 'the piece that was under way');
    t.equal(state.left, 1);
    const second = readPage(page.read());
    for (let i = 0; i < 4; i++) await next();
    t.equal(await second, '2:a 2:b 2:c ');
  },
);

t.test('a defect fails every scrape of that page, and the next scrape begins anew', async (t) => {
  let begun = 0;
  const page = new SharedPage(async function* () {
    begun++;
    yield 'a';
    await setImmediate();
    if (begun === 1) throw new Error('No cells');
  }, noBreak);
  const scrapes = [readPage(page.read()), readPage(page.read())];
  for (const scrape of scrapes) await t.rejects(scrape, { message: 'No cells' });
  t.equal(await readPage(page.read()), 'a');
});

t.test(
  'the slowest scrapes are given up where their pages would take too much memory',
  async (t) => {
    const text = 'x'.repeat(30 * 1024 * 1024);
    const page = new SharedPage(async function* () {
      yield text;
      await setImmediate();
      yield 'end';
    }, noBreak);
    const slow = [];
    for (let i = 0; i < 4; i++) {
      const scrape = page.read();
      t.equal((await scrape.next()).value?.length, text.length);
      slow.push(scrape);
      for (let turn = 0; turn < 3; turn++) await setImmediate();
    }
    await t.rejects(slow[0]!.next(), { message: /because they are read too slowly$/ });
    for (const scrape of slow.slice(1)) t.equal(String((await scrape.next()).value), 'end');
  },
);
