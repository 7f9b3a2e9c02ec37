/** What a Redis server does in one step: scripts, and the functions that send them. */
import type { Meter, Metered } from '../core/store.js';
import { CALL } from '../lib/leaky-bucket.js';
import type { RedisCommands } from './redis-connection.js';

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

/**
 * A hash of notices: each field holds its end, in ms of the server's time, and its text. Fields whose end is over are
 * removed, and the hash goes with the last of them.
 */
const TELL = `local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('hgetall', KEYS[1])
local last = now + ARGV[3]
for i = 1, #held, 2 do
  local untilMs = tonumber(string.match(held[i + 1], '^%d+'))
  if untilMs <= now then redis.call('hdel', KEYS[1], held[i]) end
  last = math.max(last, untilMs)
end
redis.call('hset', KEYS[1], ARGV[1], string.format('%.0f ', now + ARGV[3]) .. ARGV[2])
redis.call('pexpireat', KEYS[1], string.format('%.0f', last))
return 1`;

/** Fields, ms until their ends, and texts in turn. */
const READ_NOTICES = `local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('hgetall', KEYS[1])
local result = {}
for i = 1, #held, 2 do
  local untilMs, text = string.match(held[i + 1], '^(%d+) (.*)$')
  if tonumber(untilMs) > now then
    result[#result + 1] = held[i]
    result[#result + 1] = string.format('%.0f', untilMs - now)
    result[#result + 1] = text
  end
end
return result`;

type Argument = string | Buffer;

/**
 * Sends the whole script each time: it is short, and a server that does not know it would have to be asked twice.
 * @returns whether the script has done something.
 */
const evaluate = async (
  client: RedisCommands,
  script: string,
  key: string,
  args: readonly Argument[],
) => (await client.eval(script, [key], args)) === 1;

/** Puts `value` in the place of `expected`, or of itself, with an end `px` ms from now. */
export const replace = (
  client: RedisCommands,
  key: string,
  expected: Buffer,
  value: Buffer,
  px: number,
): Promise<boolean> => evaluate(client, REPLACE, key, [expected, value, String(px)]);

/** Deletes the key if it holds `expected`. */
export const deleteIf = (client: RedisCommands, key: string, expected: Buffer): Promise<boolean> =>
  evaluate(client, DELETE_IF, key, [expected]);

/** Counts a call, as `Meters` says. @param prefix in front of every key. */
export async function count(
  client: RedisCommands,
  prefix: string,
  meters: readonly Meter[],
): Promise<Metered> {
  const [isCounted, ...levels] = (await client.eval(
    COUNT,
    meters.map(({ key }) => prefix + key),
    meters.flatMap(({ limit, atLeast }) =>
      [limit.perHour, limit.burst, Math.ceil(atLeast)].map(String),
    ),
  )) as [number, ...Buffer[]];
  return { isCounted: isCounted === 1, levels: levels.map((level) => Number(level.toString())) };
}

/** Puts a notice into the hash at `key`, for `px` ms. */
export const tell = (
  client: RedisCommands,
  key: string,
  field: string,
  text: string,
  px: number,
): Promise<boolean> => evaluate(client, TELL, key, [field, text, String(px)]);

export interface FoundNotice {
  readonly field: string;
  /** Until its end. */
  readonly leftMs: number;
  readonly text: string;
}

export async function readNotices(client: RedisCommands, key: string): Promise<FoundNotice[]> {
  const found = ((await client.eval(READ_NOTICES, [key], [])) as Buffer[]).map(String);
  const notices: FoundNotice[] = [];
  for (let i = 0; i < found.length; i += 3) {
    notices.push({ field: found[i]!, leftMs: Number(found[i + 1]), text: found[i + 2]! });
  }
  return notices;
}
