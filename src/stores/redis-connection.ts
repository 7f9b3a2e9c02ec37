/** The way to a Redis, whatever it consists of: one server, a primary that sentinels name, or a cluster. */

/** The commands that are needed. Errors name the command and the server. */
export interface RedisCommands {
  get(key: string): Promise<Buffer | undefined>;
  /** @returns whether it has set the key. */
  set(key: string, value: Buffer, px: number, onlyIfAbsent?: boolean): Promise<boolean>;
  eval(
    script: string,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
  ): Promise<unknown>;
  ping(): Promise<unknown>;
}

export interface RedisConnection extends RedisCommands {
  readonly isReady: boolean;
  /** From now on connects, again and again until it is closed. */
  open(): void;
  /** Waits for what was asked where it can; takes no more commands. */
  close(): void;
  /** At once: what was asked fails. */
  destroy(): void;
  /**
   * The server said that it is not the one to ask: finds out which one is.
   * @returns false where only a new connection can do that.
   */
  relocate(): boolean;
}

export interface ConnectionEvents {
  readonly onReady: () => void;
  /** There is no connection at present. Told again for each attempt that fails. */
  readonly onLost: (why: string) => void;
}

export type Connect = (events: ConnectionEvents) => RedisConnection;

export const messageOf = (error: unknown) =>
  error instanceof Error ? error.message : String(error);

/** What people may do about an error of a server that does not fit the mode. */
const hints: readonly (readonly [message: RegExp, hint: string])[] = [
  [/^MOVED |^ASK /, 'the server is a node of a cluster: write `mode: cluster` in `stores`'],
  [
    /cluster support disabled/i,
    'the server is no node of a cluster: write `mode: single` or `mode: sentinel`',
  ],
  [
    /unknown command '?`?SENTINEL/i,
    'the server is no sentinel: in mode sentinel, `urls` are those of the sentinels',
  ],
  [
    /unknown command '?`?(?:GET|SET|EVAL)\b/i,
    'the server may be a sentinel: write `mode: sentinel` and `master` in `stores`',
  ],
];

/** The error of a command, with the name of the command and of the server, and the server's words as its `cause`. */
export function commandError(command: string, server: string, cause: unknown): Error {
  const message = messageOf(cause);
  const hint = hints.find(([expression]) => expression.test(message))?.[1];
  return new Error(`${command} at ${server}: ${message}${hint === undefined ? '' : `; ${hint}`}`, {
    cause,
  });
}

/** What the server itself said. */
export const causeOf = (error: unknown): string =>
  messageOf(error instanceof Error ? (error.cause ?? error) : error);

/** A server that says so was replaced by another one, or is only about to start: the address may lead elsewhere by now. */
export const isMisplaced = (error: unknown) =>
  /^(READONLY|LOADING|MASTERDOWN)\b/.test(causeOf(error));

/** `host:port`, without user and password. @param defaultPort where the URL has none. */
export function nameServer(url: string, defaultPort = 6379): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === '' ? defaultPort : port}`;
}
