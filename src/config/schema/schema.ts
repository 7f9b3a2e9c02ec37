/** The whole file's schema: the one source of its validation, types, defaults, documentation and the editor's schema. */
import { connectionKeys } from './connection-keys.js';
import { schemasOf } from '../../core/layers.js';
import { Options, Type, type TSchema } from '../../core/options.js';
import type { PolicyList } from '../../core/policy.js';
import { listen, sections, word } from './sections.js';

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

type Keys = Readonly<Record<string, TSchema>>;

const routeOf = (policyKeys: Keys) =>
  requiring(
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

/** Far more than differences between machines need; sums of a thousand of them are exact. */
const MOST_WEIGHT = 1_000_000;

const targets = Type.Array(
  Type.Unsafe<unknown>({
    anyOf: [
      { type: 'string', title: 'a URL such as http://host:port' },
      requiring(
        Options(
          {
            url: Type.String({
              title: 'a URL such as http://host:port',
              description: 'As in `target`.',
            }),
            weight: Type.Number({
              title: `a number above 0, up to ${MOST_WEIGHT} (leave out a target that shall get no calls)`,
              exclusiveMinimum: 0,
              maximum: MOST_WEIGHT,
              default: 1,
              description:
                'Each address of the target gets this share of the calls, compared with the other weights.',
            }),
          },
          { description: 'A target with a weight.' },
        ),
        'url',
      ),
    ],
  }),
  {
    minItems: 1,
    description:
      'In place of `target`: a list of URLs, or of mappings with `url` and `weight`. All have the same scheme and the same path.',
  },
);

const upstreamOf = (policyKeys: Keys) =>
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
          'Where calls go: `http://`, `https://` or `http+unix://%2Fpath.sock`, with an optional path. One of `target` and `targets` is needed.',
      }),
      targets,
      profile: Type.String({ description: 'The profile whose policy keys are used.' }),
      preserveHost: Type.Boolean({
        default: false,
        description:
          'Whether the upstream is sent the `Host` of the client instead of that of the target.',
      }),
      earlyHints: word(['on', 'off'], {
        default: 'on',
        description:
          'Whether clients are sent the `103 Early Hints` of the upstream. Some clients take a 103 for the response.',
      }),
      tls,
      ...connectionKeys,
      ...policyKeys,
      routes: Type.Array(reference('route'), {
        description: 'Policy keys for some of the requests. The first route that matches is used.',
      }),
    },
    { description: 'A service to call.' },
  );

const file: TSchema = requiring(
  Options(
    {
      include: Type.Array(
        Type.String({ minLength: 1, title: 'a path, in which `*` stands for any part of a name' }),
        {
          minItems: 1,
          description:
            'Further files with sections, relative to this file; `*` stands for any part of a name. `upstreams` and `profiles` of all files count together; each other section stands in one file.',
        },
      ),
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

/** What a file may have; the policies bring their keys. */
export interface Schemas {
  /** JSON Schema (2020-12) of the file, plus the keywords of `OptionKeywords`. */
  readonly file: TSchema;
  readonly upstream: TSchema & { readonly properties: Readonly<Record<string, unknown>> };
}

const known = new WeakMap<PolicyList, Schemas>();

/** The same object for the same list. */
export function fileSchemas(policies: PolicyList): Schemas {
  let schemas = known.get(policies);
  if (schemas === undefined) known.set(policies, (schemas = createSchemas(policies)));
  return schemas;
}

function createSchemas(policies: PolicyList): Schemas {
  const policyKeys = Object.fromEntries(policies.map(({ name }) => [name, reference(name)]));
  const upstream = upstreamOf(policyKeys) as Schemas['upstream'];
  return {
    upstream,
    file: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Breakwater',
      ...file,
      $defs: {
        upstream,
        route: routeOf(policyKeys),
        policies: Options({ ...connectionKeys, ...policyKeys }, { description: 'Policy keys.' }),
        ...schemasOf(policies),
      },
    },
  };
}
