/** The whole file's schema: the one source of its validation, types, defaults, documentation and the editor's schema. */
import {
  CountOrOff,
  Duration,
  Options,
  Size,
  SizeOrOff,
  Type,
  type Static,
  type TSchema,
} from '../../core/options.js';
import { policySchemas } from '../../policies/index.js';
import { overload } from '../../policies/overload/index.js';
import { connectionKeys } from './connection-keys.js';

const word = <const Words extends readonly string[]>(
  words: Words,
  options: { default: Words[number]; description: string },
) => {
  // YAML before 1.2, and many a template, turns `off` into false.
  const off = words.includes('off') ? { enum: [...words, false], off: true } : { enum: words };
  return Type.Unsafe<Words[number]>({ ...off, ...options });
};

const listen = (options: { default?: string; description: string }) =>
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
      description:
        'Which exchanges get a line. With `errors`, calls refused without an attempt get at most 100 lines per second from each upstream or route; `leftOut` in the next line counts the others.',
    }),
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
      default: '10s',
      description: 'Longest time until a request head is complete; then 408.',
    }),
    bodyIdle: Duration({
      default: '30s',
      description: 'Longest silence within a request body; then 408.',
    }),
    keepAlive: Duration({
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
        'Size of the memory store: keys, values and what goes with them. The least recently used entries are removed first. For `memory` only.',
    }),
    url: Type.String({
      minLength: 1,
      writeOnly: true,
      title: 'a URL: redis://host:port or rediss://user:password@host:port/database',
      description:
        'Address of the Redis server: `redis://`, or `rediss://` for TLS. For `redis` only, which needs it.',
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
} as const;
export type SectionName = keyof typeof sections;

/** Upstreams, routes and profiles: they end up in metric labels and admin URLs. */
const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]*$';

const reference = (name: string) => Type.Unsafe<unknown>({ $ref: `#/$defs/${name}` });

const named = (value: TSchema, options: { description: string; minProperties?: number }) =>
  Type.Unsafe<unknown>({
    type: 'object',
    propertyNames: { pattern: NAME_PATTERN },
    additionalProperties: value,
    ...options,
  });

const requiring = (schema: TSchema, ...keys: string[]): TSchema => ({ ...schema, required: keys });

const policyKeys = Object.fromEntries(
  Object.keys(policySchemas).map((name) => [name, reference(name)]),
);

const tls = Options(
  {
    ca: Type.String({
      description: 'PEM file of the authorities to trust instead of those of the system.',
    }),
    cert: Type.String({
      description: 'PEM file of the client certificate to present. It needs `tls.key`.',
    }),
    key: Type.String({ description: 'PEM file of the private key of the client certificate.' }),
    serverName: Type.String({
      minLength: 1,
      description: 'Name to ask for and to verify instead of the host of the target.',
    }),
    insecureSkipVerify: Type.Boolean({
      default: false,
      description: 'Trusts any certificate. For experiments only.',
    }),
  },
  { description: 'TLS to the target. File names are relative to the configuration file.' },
);

const match = Options(
  {
    methods: Type.Array(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$" }), {
      minItems: 1,
      description: 'Methods in capitals; every method if left out.',
    }),
    path: Type.String({
      description:
        'Exact, ending in `/*` (everything below), or with `:name` segments; every path if left out.',
    }),
  },
  { description: 'What the route is for.' },
);

const route = requiring(
  Options(
    {
      name: Type.String({ pattern: NAME_PATTERN, description: 'For metrics and messages.' }),
      match,
      ...policyKeys,
    },
    { description: 'Policy keys for some of the requests.' },
  ),
  'name',
  'match',
);

const upstream = requiring(
  Options(
    {
      listen: listen({
        description:
          'A listener of its own: `host:port`, `port`, or `unix:/path.sock`. At least one of `listen` and `prefix` is needed.',
      }),
      prefix: Type.String({
        description: 'Path prefix on the shared listener. It is removed before forwarding.',
      }),
      target: Type.String({
        title: 'a URL: http://host:port, https://host:port or http+unix://%2Fpath.sock',
        description:
          'Where calls go: `http://`, `https://` or `http+unix://%2Fpath.sock`, with an optional path.',
      }),
      profile: Type.String({ description: 'The profile whose policy keys are used.' }),
      preserveHost: Type.Boolean({
        default: false,
        description:
          'Whether the upstream is sent the `Host` of the client instead of that of the target.',
      }),
      tls,
      ...connectionKeys,
      ...policyKeys,
      routes: Type.Array(reference('route'), {
        description: 'Policy keys for some of the requests. The first route that matches is used.',
      }),
    },
    { description: 'A service to call.' },
  ),
  'target',
);

export const upstreamSchema = upstream as TSchema & {
  readonly properties: Readonly<Record<string, unknown>>;
};

const file: TSchema = requiring(
  Options(
    {
      ...sections,
      profiles: named(reference('policies'), { description: 'Named bundles of policy keys.' }),
      defaults: reference('policies'),
      upstreams: named(reference('upstream'), {
        minProperties: 1,
        description: 'The services to call, by name.',
      }),
    },
    { description: 'Configuration of Breakwater.' },
  ),
  'upstreams',
);

/** JSON Schema (2020-12) of the file, plus the keywords of `OptionKeywords`. */
export const fileSchema: TSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Breakwater',
  ...file,
  $defs: {
    upstream,
    route,
    policies: Options({ ...connectionKeys, ...policyKeys }, { description: 'Policy keys.' }),
    ...policySchemas,
  },
};
