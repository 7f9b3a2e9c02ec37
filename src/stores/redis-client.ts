/** Connections to Redis servers as this program wants them; the only user of the Redis client. */
import { createClient, createCluster, RESP_TYPES } from '@redis/client';

/** A connection without a byte for this long is dead, in ms; the heartbeat is what fills it. */
const SILENCE_MS = 5000;
const HEARTBEAT_MS = 1000;

const CONNECT_TIMEOUT_MS = 2000;
const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 2000;

/** A node of a cluster that cannot be connected to again for this long may have been replaced, in ms. */
const REDISCOVER_MS = 500;

/** Before the next attempt to connect, in ms. @param attempts so far. */
export const reconnectDelay = (attempts: number): number =>
  Math.min(MIN_RECONNECT_MS * 2 ** Math.min(attempts, 10), MAX_RECONNECT_MS);

const common = {
  // Servers that are older than RESP3 will do.
  RESP: 2,
  // What cannot be asked now must not be asked later either: the call will have gone on.
  disableOfflineQueue: true,
  pingInterval: HEARTBEAT_MS,
} as const;

/** A new object each time: the client writes into it. */
const socketOptions = () => ({
  connectTimeout: CONNECT_TIMEOUT_MS,
  socketTimeout: SILENCE_MS,
  reconnectStrategy: reconnectDelay,
});

/** Values are bytes, in both directions. */
const commandOptions = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

export function createRedisClient(url: string) {
  return createClient({ ...common, url, socket: socketOptions(), commandOptions });
}

export type RedisClient = ReturnType<typeof createRedisClient>;

/** The library gives up after 16, which can pass in a few milliseconds. */
const MOST_REDIRECTIONS = 100;

/** @param urls of some nodes, with the same scheme, user and password. @param user instead of the one in the URLs. */
export function createRedisCluster(
  urls: readonly string[],
  user: { readonly username: string | undefined; readonly password: string | undefined },
) {
  const { protocol, username, password } = new URL(urls[0]!);
  return createCluster({
    rootNodes: urls.map((url) => ({ url })),
    RESP: common.RESP,
    // A node that is away would hold up the discovery of the others.
    minimizeConnections: true,
    // While a slot moves, nodes send a command to each other until they agree; `stores.timeout` bounds how long.
    maxCommandRedirections: MOST_REDIRECTIONS,
    topologyRefreshOnReconnectionAttemptStrategy: REDISCOVER_MS,
    commandOptions,
    defaults: {
      disableOfflineQueue: common.disableOfflineQueue,
      pingInterval: common.pingInterval,
      socket: protocol === 'rediss:' ? { ...socketOptions(), tls: true } : socketOptions(),
      ...only('username', user.username ?? decodeURIComponent(username)),
      ...only('password', user.password ?? decodeURIComponent(password)),
    },
  });
}

export type RedisCluster = ReturnType<typeof createRedisCluster>;

/** The key with its value, if there is one. */
const only = <Key extends string>(key: Key, value: string): { [K in Key]?: string } =>
  value === '' ? {} : ({ [key]: value } as { [K in Key]?: string });
