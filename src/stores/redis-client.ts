/** One connection to a Redis server, as this program wants it. */
import { createClient, RESP_TYPES, type RedisArgument } from '@redis/client';
import type { Meter, Metered } from '../core/store.js';
import { CALL } from '../lib/leaky-bucket.js';

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

/**
 * For each key three arguments: rate per hour, burst, and the least level; see `leaky-bucket.ts`, whose arithmetic this
 * is. A key holds its level and when it had it, and goes when it is empty. Time is the server's, in us.
 */
const COUNT = `local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local call = ${CALL}
local levels, isCounted = {}, 1
for i, key in ipairs(KEYS) do
  local perHour, burst = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]) * call
  local level = 0
  local held = redis.call('get', key)
  if held then
    local before, at = string.match(held, '^(%d+) (%d+)$')
    level = math.min(tonumber(before), burst) - math.max(0, now - tonumber(at)) * perHour
  end
  level = math.max(0, math.min(math.max(level, tonumber(ARGV[3 * i])), burst))
  if level > burst - call then isCounted = 0 end
  levels[i] = level
end
local result = { isCounted }
for i, key in ipairs(KEYS) do
  local level = levels[i] + isCounted * call
  result[i + 1] = string.format('%.0f', level)
  local px = math.ceil(level / tonumber(ARGV[3 * i - 2]) / 1000)
  if px > 0 then
    redis.call('set', key, string.format('%.0f %.0f', level, now), 'px', string.format('%.0f', px))
  end
end
return result`;

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

/** Counts a call, as `Meters` says. @param prefix in front of every key. */
export async function count(
  client: RedisClient,
  prefix: string,
  meters: readonly Meter[],
): Promise<Metered> {
  const [isCounted, ...levels] = (await client.eval(COUNT, {
    keys: meters.map(({ key }) => prefix + key),
    arguments: meters.flatMap(({ limit, atLeast }) =>
      [limit.perHour, limit.burst, Math.ceil(atLeast)].map(String),
    ),
  })) as [number, ...Buffer[]];
  return { isCounted: isCounted === 1, levels: levels.map((level) => Number(level.toString())) };
}
