/** The schemas of the sections that are the process's own, and of addresses to listen on. */
import {
  CountOrOff,
  Duration,
  Options,
  Rate,
  Share,
  Size,
  SizeOrOff,
  Type,
  type Static,
} from '../../core/options.js';
import { overload } from '../../policies/overload/index.js';
import { tracing } from './tracing.js';

export const word = <const Words extends readonly string[]>(
  words: Words,
  options: { default: Words[number]; description: string },
) => {
  // YAML before 1.2, and many a template, turns `off` into false and `on` into true.
  const switches = [
    ...(words.includes('on') ? [true] : []),
    ...(words.includes('off') ? [false] : []),
  ];
  const off = words.includes('off') ? { off: true } : {};
  return Type.Unsafe<Words[number]>({ enum: [...words, ...switches], ...off, ...options });
};

export const listen = (options: { default?: string; description: string }) =>
  Type.Unsafe<string | number>({
    type: ['string', 'integer'],
    title: 'an address: host:port, port, or unix:/path.sock',
    ...options,
  });

const admin = Options(
  {
    listen: listen({
      default: '127.0.0.1:9900',
      description:
        'Address for metrics, health and state: `host:port`, `port`, or `unix:/path.sock`.',
    }),
    metrics: listen({
      description:
        'A second address, which serves only `/metrics`, `/healthz` and `/readyz`: for scrapers and probes on other machines while `listen` is for this one.',
    }),
    token: Type.String({
      minLength: 1,
      writeOnly: true,
      description:
        'Bearer token that writes need. Without one, writes are accepted from loopback only.',
    }),
  },
  { description: 'The admin listener.' },
);

const server = Options(
  {
    listen: listen({
      default: '127.0.0.1:8080',
      description:
        'Address of the shared listener. It is opened only if an upstream has a `prefix`.',
    }),
  },
  { description: 'The shared listener.' },
);

const log = Options(
  {
    level: word(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], {
      default: 'info',
      description: 'The least important level that is written.',
    }),
    access: word(['all', 'errors', 'off'], {
      default: 'errors',
      description: 'Which exchanges get a line: all, those that went wrong, or none.',
    }),
    sample: Options(
      {
        errors: Rate({
          zero: false,
          description:
            'Most lines for calls that Breakwater refuses without an attempt, for each upstream; `leftOut` in the next line counts the others. If it is not written: `100/s` with `access: errors`, and no limit with `access: all`. Other calls that went wrong always get their line.',
        }),
        ok: Share({
          default: '100%',
          description: 'Share of the good calls that get a line with `access: all`.',
        }),
      },
      { description: 'How many exchanges get a line where there are many alike.' },
    ),
  },
  { description: 'Logs.' },
);

const shutdown = Options(
  {
    delay: Duration({
      default: '0s',
      description: 'How long new connections are still served while `/readyz` responds 503.',
    }),
    grace: Duration({
      default: '25s',
      description: 'How long requests in flight may take after `delay`.',
    }),
  },
  { description: 'How the process ends.' },
);

const limits = Options(
  {
    headerTimeout: Duration({
      zero: false,
      default: '10s',
      description: 'Longest time until a request head is complete; then 408.',
    }),
    bodyIdle: Duration({
      zero: false,
      default: '30s',
      description: 'Longest silence within a request body; then 408.',
    }),
    keepAlive: Duration({
      zero: false,
      default: '75s',
      description: 'How long an idle connection of a client is kept.',
    }),
    maxHeaderSize: Size({
      default: '32KiB',
      description:
        'Largest request head; a larger one gets 431. It also limits the response heads of upstreams.',
    }),
    maxRequestBody: SizeOrOff({
      default: 'off',
      description: 'Largest request body; a larger one gets 413.',
    }),
    maxConnections: CountOrOff({
      default: 'off',
      minimum: 1,
      description: 'Most connections per listener; further ones are closed at once.',
    }),
  },
  { description: 'Guards of all listeners against their clients.' },
);

const stores = Options(
  {
    kind: word(['memory', 'redis'], {
      default: 'memory',
      description:
        'Where kept responses are: in the memory of this process, or in a Redis that replicas share.',
    }),
    maxBytes: Size({
      default: '64MiB',
      description:
        'Memory for responses that fallbacks keep: keys, values and what goes with them. The least recently used entries are removed first. For `memory` only.',
    }),
    maxRecordBytes: Size({
      default: '16MiB',
      description:
        'The same for idempotency keys. Kept responses of finished calls are removed first, the least recently used before others; the key of a running call is never removed. For `memory` only.',
    }),
    timeout: Duration({
      default: '500ms',
      description:
        'Longest wait for a response of the Redis server. Time in which this process was busy does not count. A fallback waits for at most 50 ms in any case. For `redis` only.',
    }),
    url: Type.String({
      minLength: 1,
      writeOnly: true,
      title: 'a URL: redis://host:port or rediss://user:password@host:port/database',
      description:
        'Address of the Redis server: `redis://`, or `rediss://` for TLS. For `redis` only, which needs it or `urls`.',
    }),
    urls: Type.Array(
      Type.String({
        minLength: 1,
        writeOnly: true,
        title: 'a URL: redis://host:port or rediss://user:password@host:port/database',
      }),
      {
        minItems: 1,
        writeOnly: true,
        description:
          'In place of `url`: the sentinels in mode `sentinel`, any nodes of the cluster in mode `cluster`, exactly one server in mode `single`.',
      },
    ),
    mode: Type.Unsafe<'single' | 'sentinel' | 'cluster'>({
      enum: ['single', 'sentinel', 'cluster'],
      default: 'single',
      description:
        'How the servers work together: one server, a primary that sentinels name, or a cluster. For `redis` only.',
    }),
    master: Type.String({
      minLength: 1,
      description:
        'The name that the sentinels have for the primary. For mode `sentinel` only, which needs it.',
    }),
    keyPrefix: Type.String({
      default: 'breakwater:',
      description:
        'Text in front of every key, so that several users can share a server. For `redis` only.',
    }),
    username: Type.String({
      minLength: 1,
      description:
        'ACL user of the servers, if it differs from the one in the URLs. In mode `sentinel` the URLs have the user of the sentinels. For `redis` only.',
    }),
    password: Type.String({
      minLength: 1,
      writeOnly: true,
      description: 'Password that goes with `stores.username`. For `redis` only.',
    }),
  },
  { description: 'Where policies keep what must outlive a call.' },
);

export type LogOptions = Readonly<Static<typeof log>>;
export type ShutdownOptions = Readonly<Static<typeof shutdown>>;
export type LimitOptions = Readonly<Static<typeof limits>>;

/** The sections without names of the user's. */
export const sections = {
  admin,
  server,
  log,
  shutdown,
  limits,
  overload: overload.schema,
  stores,
  tracing,
} as const;
export type SectionName = keyof typeof sections;
