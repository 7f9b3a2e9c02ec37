/**
 * Asks sentinels which server is the primary. The sentinel part of the client is not used: it repeats a command at the next
 * primary, when the call that asked for it may be over. This only says where the primary is.
 */
import type { Clock } from '../core/clock.js';
import { waitFor } from './patience.js';
import { messageOf, nameServer } from './redis-connection.js';
import { ServerConnection } from './server-connection.js';

const DEFAULT_PORT = 26_379;

/** Longest wait for a sentinel, in ms. */
const PATIENCE_MS = 500;

export interface SentinelOptions {
  readonly urls: readonly string[];
  /** What the sentinels call the primary. */
  readonly master: string;
  readonly clock: Clock;
}

interface Sentinel {
  readonly connection: ServerConnection;
  /** Settles with the first attempt to connect. */
  readonly tried: Promise<void>;
  /** Why it cannot be asked. */
  trouble: string;
}

function openSentinel(written: string): Sentinel {
  const url = withPort(written);
  let onTried!: () => void;
  const tried = new Promise<void>((resolve) => {
    onTried = resolve;
  });
  const sentinel: Sentinel = {
    tried,
    trouble: `${nameServer(url)}: it is not connected yet`,
    connection: new ServerConnection(url, {
      onReady: onTried,
      onLost(why) {
        sentinel.trouble = why;
        onTried();
      },
    }),
  };
  sentinel.connection.open();
  return sentinel;
}

function withPort(url: string): string {
  const parsed = new URL(url);
  if (parsed.port === '') parsed.port = String(DEFAULT_PORT);
  // Sentinels have no databases.
  parsed.pathname = '';
  return parsed.href;
}

export class Sentinels {
  readonly #options: SentinelOptions;
  #sentinels: readonly Sentinel[] = [];

  constructor(options: SentinelOptions) {
    this.#options = options;
  }

  open(): void {
    this.#sentinels = this.#options.urls.map(openSentinel);
  }

  close(): void {
    for (const { connection } of this.#sentinels) connection.destroy();
  }

  /**
   * @returns `host:port` of the primary, as most of those that respond say.
   * @throws with what is wrong at each sentinel.
   */
  async findPrimary(): Promise<string> {
    const results = await Promise.allSettled(this.#sentinels.map((each) => this.#primaryOf(each)));
    const votes = new Map<string, number>();
    for (const result of results) {
      if (result.status === 'fulfilled') {
        votes.set(result.value, (votes.get(result.value) ?? 0) + 1);
      }
    }
    const [winner] = [...votes].toSorted(([, a], [, b]) => b - a);
    if (winner !== undefined) return winner[0];
    const reasons = results.flatMap((result) =>
      result.status === 'rejected' ? [messageOf(result.reason)] : [],
    );
    throw new Error(reasons.join('; '));
  }

  /**
   * Whether most sentinels say that this is the primary, and that there is no replica that could take its place. A
   * primary that is cut off from most sentinels is not alone in this sense: there may be another one by now.
   */
  async isAlone(primary: string): Promise<boolean> {
    const results = await Promise.allSettled(
      this.#sentinels.map(async (sentinel) => {
        const [found, replicas] = await Promise.all([
          this.#primaryOf(sentinel),
          this.#ask(sentinel, 'REPLICAS', this.#options.master),
        ]);
        return found === primary && !(replicas as readonly Buffer[][]).some(couldTakeOver);
      }),
    );
    const agreed = results.filter((result) => result.status === 'fulfilled' && result.value);
    return agreed.length > this.#sentinels.length / 2;
  }

  async #primaryOf(sentinel: Sentinel): Promise<string> {
    const { master } = this.#options;
    const found = await this.#ask(sentinel, 'GET-MASTER-ADDR-BY-NAME', master);
    if (Array.isArray(found)) {
      const [host, port] = found.map(String);
      return host!.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    }
    const names = await this.#namesAt(sentinel);
    throw new Error(
      `SENTINEL GET-MASTER-ADDR-BY-NAME at ${sentinel.connection.server}: no primary is named ${JSON.stringify(master)} there; it knows ${names}; change \`stores.master\``,
    );
  }

  async #namesAt(sentinel: Sentinel): Promise<string> {
    const all = (await this.#ask(sentinel, 'MASTERS')) as readonly Buffer[][];
    const names = all.map((fields) => fieldOf(fields, 'name'));
    return names.length === 0 ? 'none' : names.join(', ');
  }

  async #ask(sentinel: Sentinel, ...words: string[]): Promise<unknown> {
    const { connection, tried } = sentinel;
    const { clock } = this.#options;
    await waitFor(tried, PATIENCE_MS, clock).catch(() => {});
    if (!connection.isReady) throw new Error(sentinel.trouble);
    return waitFor(connection.send('SENTINEL', ...words), PATIENCE_MS, clock);
  }
}

/** From a list of names and values in turn. */
function fieldOf(fields: readonly Buffer[], name: string): string {
  const at = fields.findIndex((field, i) => i % 2 === 0 && String(field) === name);
  return at === -1 ? '' : String(fields[at + 1]);
}

/** A server that is up has told a sentinel within this time, in ms, that it is: sentinels ask once a second. */
const SIGN_OF_LIFE_MS = 3000;

/**
 * Also one that says it is a primary: it is about to become the primary, or was it until a moment ago. A server that is
 * made a replica closes the connections of the sentinels: for a moment it is disconnected, and up.
 */
function couldTakeOver(replica: readonly Buffer[]): boolean {
  const flags = fieldOf(replica, 'flags');
  if (/\b[so]_down\b/.test(flags)) return false;
  if (!/\bdisconnected\b/.test(flags)) return true;
  // Without an id this sentinel has never reached it: the primary that was lost, after a failover.
  const hasBeenSeen = fieldOf(replica, 'runid') !== '';
  return hasBeenSeen && Number(fieldOf(replica, 'last-ok-ping-reply')) < SIGN_OF_LIFE_MS;
}
