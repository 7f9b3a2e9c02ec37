/** `breakwater top`: the table of the live page in a terminal, from the stream of a running proxy. */
import { Model } from '../admin/page/model.js';
import { parseAdminAddress } from './top/admin-address.js';
import { describeError, Feed } from './top/feed.js';
import { renderFrame, type View } from './top/frame.js';
import { readStyle, Screen, type Terminal } from './top/screen.js';

export interface TopOptions {
  readonly admin: string;
  /** One picture instead of one each second. */
  readonly once: boolean;
  readonly format: 'text' | 'json';
}

/** Between two pictures, in ms. */
const REDRAW_MS = 1000;

/** @returns the exit code: 1 if the admin server cannot be read. */
export async function top(options: TopOptions, terminal: Terminal): Promise<number> {
  const address = parseAdminAddress(options.admin);
  if (typeof address === 'string') {
    process.stderr.write(`breakwater: error: ${address}\n`);
    return 1;
  }
  const feed = new Feed(address);
  const watch = { options, terminal, feed, source: address.shown };
  const problem = options.once ? await showOnce(watch) : await follow(watch);
  if (problem === undefined) return 0;
  process.stderr.write(
    `breakwater: error: Cannot read the admin server at ${address.shown} because ${problem}; --admin says where it is\n`,
  );
  return 1;
}

interface Watch {
  readonly options: TopOptions;
  readonly terminal: Terminal;
  readonly feed: Feed;
  readonly source: string;
}

/** The worst first. */
const asJson = (model: Model) =>
  `${JSON.stringify({
    at: model.at,
    process: model.process,
    upstreams: model.sorted('trouble').map(({ row }) => row),
  })}\n`;

/** @returns the end of a sentence about what is wrong; undefined if all is well. */
async function showOnce({ options, terminal, feed, source }: Watch): Promise<string | undefined> {
  const model = new Model();
  try {
    model.take(await feed.readOnce(), true);
  } catch (error) {
    return describeError(error);
  }
  const view: View = { model, source, connection: 'stream', why: '', nowMs: Date.now() };
  terminal.stdout.write(
    options.format === 'json'
      ? asJson(model)
      : `${renderFrame(view, readStyle(terminal, true)).join('\n')}\n`,
  );
  return undefined;
}

/** Until somebody ends it. @returns what kept it from beginning, as `showOnce` does. */
async function follow({ options, terminal, feed, source }: Watch): Promise<string | undefined> {
  const model = new Model();
  const isJson = options.format === 'json';
  let connection: View['connection'] = 'stream';
  let why = '';
  let problem: string | undefined;
  let isNew = false;
  const screen = new Screen(terminal, () => feed.stop());

  const draw = () => {
    isNew = false;
    const view: View = { model, source, connection, why, nowMs: Date.now() };
    screen.draw(renderFrame(view, readStyle(terminal, false)));
  };
  let timer: NodeJS.Timeout | undefined;
  const show = () => {
    isNew = true;
    if (timer !== undefined) return;
    draw();
    // The age of old numbers goes on.
    timer = setInterval(
      () => (isNew || (connection === 'lost' && screen.isErased)) && draw(),
      REDRAW_MS,
    );
  };

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => feed.stop());
  await feed.follow({
    onMessage(message, isAll, way) {
      connection = way;
      model.take(message, isAll);
      if (isJson) terminal.stdout.write(asJson(model));
      else show();
    },
    onLost(cause) {
      const isFirst = connection !== 'lost';
      connection = 'lost';
      why = cause;
      if (model.process === undefined) {
        problem = cause;
        feed.stop();
      } else if (!isJson) show();
      else if (isFirst)
        process.stderr.write(`breakwater: connection lost, trying again: ${cause}\n`);
    },
  });
  clearInterval(timer);
  screen.leave();
  return problem;
}
