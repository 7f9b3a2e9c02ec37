/** One connection to a Redis server, as this program wants it. */
import { createClient, defineScript, RESP_TYPES, type CommandParser } from '@redis/client';

/** A connection without a byte for this long is dead, in ms; the heartbeat is what fills it. */
const SILENCE_MS = 5000;
const HEARTBEAT_MS = 1000;

const CONNECT_TIMEOUT_MS = 2000;
const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 2000;

/** The client sends EVALSHA, and EVAL where the server does not know the script (yet, or after a restart). */
const replaceScript = defineScript({
  SCRIPT: `local held = redis.call('get', KEYS[1])
if held == ARGV[1] or held == ARGV[2] then
  redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
  return 1
end
return 0`,
  NUMBER_OF_KEYS: 1,
  parseCommand(
    parser: CommandParser,
    key: string,
    expected: Buffer,
    value: Buffer,
    ttlMs: string,
  ): void {
    parser.pushKey(key);
    parser.push(expected, value, ttlMs);
  },
  transformReply: (reply: unknown) => reply === 1,
});

const deleteIfScript = defineScript({
  SCRIPT: `if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('del', KEYS[1])
end
return 0`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string, expected: Buffer): void {
    parser.pushKey(key);
    parser.push(expected);
  },
  transformReply: (reply: unknown) => reply === 1,
});

export function createRedisClient(url: string) {
  return createClient({
    url,
    // Servers that are older than RESP3 will do.
    RESP: 2,
    // What cannot be asked now must not be asked later either: the call will have gone on.
    disableOfflineQueue: true,
    pingInterval: HEARTBEAT_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries: number) =>
        Math.min(MIN_RECONNECT_MS * 2 ** Math.min(retries, 10), MAX_RECONNECT_MS),
    },
    scripts: { replace: replaceScript, deleteIf: deleteIfScript },
    // Values are bytes, in both directions.
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

export type RedisClient = ReturnType<typeof createRedisClient>;
