/** One connection to a Redis server, as this program wants it. */
import { createClient, RESP_TYPES, type RedisArgument } from '@redis/client';

/** A connection without a byte for this long is dead, in ms; the heartbeat is what fills it. */
const SILENCE_MS = 5000;
const HEARTBEAT_MS = 1000;

const CONNECT_TIMEOUT_MS = 2000;
const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 2000;

const REPLACE = `local held = redis.call('get', KEYS[1])
if held == ARGV[1] or held == ARGV[2] then
  redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
  return 1
end
return 0`;

const DELETE_IF = `if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('del', KEYS[1])
end
return 0`;

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
    // Values are bytes, in both directions.
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

export type RedisClient = ReturnType<typeof createRedisClient>;

/**
 * Sends the whole script each time: it is short, and a server that does not know it would have to be asked twice.
 * @returns whether the script has done something.
 */
const evaluate = async (client: RedisClient, script: string, key: string, args: RedisArgument[]) =>
  (await client.eval(script, { keys: [key], arguments: args })) === 1;

/** Puts `value` in the place of `expected`, or of itself, with an end `px` ms from now. */
export const replace = (
  client: RedisClient,
  key: string,
  expected: Buffer,
  value: Buffer,
  px: number,
): Promise<boolean> => evaluate(client, REPLACE, key, [expected, value, String(px)]);

/** Deletes the key if it holds `expected`. */
export const deleteIf = (client: RedisClient, key: string, expected: Buffer): Promise<boolean> =>
  evaluate(client, DELETE_IF, key, [expected]);
