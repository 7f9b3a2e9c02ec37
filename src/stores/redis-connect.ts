/** What a connection consists of in each mode. */
import type { Clock } from '../core/clock.js';
import { ClusterConnection } from './cluster-connection.js';
import type { RedisOptions } from './options.js';
import type { Connect } from './redis-connection.js';
import { SafeWrites } from './safe-writes.js';
import { SentinelConnection } from './sentinel-connection.js';
import { Sentinels } from './sentinels.js';
import { ServerConnection } from './server-connection.js';

export interface RedisWays {
  readonly connect: Connect;
  /** Undefined where the servers cannot tell what is safe. */
  readonly safeWrites: SafeWrites | undefined;
  /** How long all must be well before the whole is said to be, in ms. */
  readonly calmMs: number;
  open(): void;
  close(): void;
}

/** Of several servers some may be well while others are not. */
const CALM_MS = 2000;

/** With the user of the options, where there is one. */
function withUser(url: string, { username, password }: RedisOptions): string {
  if (password === undefined) return url;
  const parsed = new URL(url);
  parsed.username = encodeURIComponent(username ?? '');
  parsed.password = encodeURIComponent(password);
  return parsed.href;
}

export function waysTo(options: RedisOptions, clock: Clock): RedisWays {
  switch (options.mode) {
    case 'single': {
      const url = withUser(options.urls[0]!, options);
      return alone((events) => new ServerConnection(url, events), 0);
    }
    case 'cluster':
      return alone((events) => new ClusterConnection({ ...options, clock }, events), CALM_MS);
    case 'sentinel':
      return throughSentinels(options, clock);
  }
}

const alone = (connect: Connect, calmMs: number): RedisWays => ({
  connect,
  calmMs,
  safeWrites: undefined,
  open() {},
  close() {},
});

function throughSentinels(options: RedisOptions, clock: Clock): RedisWays {
  const sentinels = new Sentinels({ urls: options.urls, master: options.master!, clock });
  const urlOf = (server: string): string => {
    const url = new URL(withUser(options.urls[0]!, options));
    url.host = server;
    return url.href;
  };
  const connect = (events: Parameters<Connect>[0]) =>
    new SentinelConnection({ sentinels, urlOf, clock }, events);
  // Whether it is there shows in the writes themselves.
  const connection = connect({ onReady() {}, onLost() {} });
  const isAlone = (primary: string) => sentinels.isAlone(primary);
  return {
    connect,
    calmMs: CALM_MS,
    safeWrites: new SafeWrites({ connection, isAlone, clock }),
    open() {
      sentinels.open();
      connection.open();
    },
    close() {
      connection.destroy();
      sentinels.close();
    },
  };
}
