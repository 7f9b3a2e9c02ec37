/** The schema of a file with policy tests. */
import { Count, Duration, Options, Type, type TSchema } from '../core/options.js';

const headers = (description: string): TSchema =>
  Type.Unsafe<unknown>({
    type: 'object',
    additionalProperties: {
      title: 'text, a number, or a list of them',
      anyOf: [
        { type: ['string', 'number'] },
        { type: 'array', items: { type: ['string', 'number'] } },
      ],
    },
    description,
  });

/** `then.headers`: what a field must be, or whether it must be there. */
const expectedHeaders: TSchema = Type.Unsafe<unknown>({
  type: 'object',
  additionalProperties: {
    type: ['string', 'number', 'boolean'],
    title: 'text, a number, true or false',
  },
  description:
    'Header fields of the response. `true`: the field is there, whatever its value. `false`: it is not there.',
});

const flag = (description: string): TSchema => Type.Boolean({ default: false, description });

const status = (description: string): TSchema =>
  Type.Integer({ minimum: 200, maximum: 599, description });

const given = Options(
  {
    status: status('Status of the response. The default is 200.'),
    headers: headers('Header fields of the response.'),
    body: Type.String({ description: 'Body of the response.' }),
    trailers: headers('Trailer fields, as gRPC responses have them.'),
    delay: Duration({
      default: '0s',
      description: 'How long it takes until the response comes, or until the connection breaks.',
    }),
    reset: flag('The connection breaks before the response begins.'),
    refuse: flag('The connection is refused.'),
    hang: flag('The request is taken, and nothing comes back.'),
  },
  {
    description:
      'What the upstream does with one attempt: it responds, or does one of `reset`, `refuse` and `hang`.',
  },
);

const givenList = Type.Array(given, {
  minItems: 1,
  description:
    'What the upstream does, an entry for each attempt in order. The last one repeats. By default it responds 200 each time.',
});

const when = Options(
  {
    at: Duration({
      default: '0s',
      description: 'When the request comes, from the start of the case.',
    }),
    method: Type.String({
      title: 'an HTTP method, such as GET',
      default: 'GET',
      pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
      description: 'Method of the request.',
    }),
    path: Type.String({
      title: 'a path such as /items?page=2',
      default: '/',
      pattern: '^/[!-~]*$',
      description: 'Path and query. If the upstream has a `prefix`, the path below it.',
    }),
    headers: headers('Header fields of the request.'),
    body: Type.String({ description: 'Body of the request.' }),
  },
  { description: 'A request of a client.' },
);

const then = Options(
  {
    status: Type.Integer({ minimum: 100, maximum: 599, description: 'Status of the response.' }),
    reason: Type.String({
      minLength: 1,
      description:
        'Reason for which Breakwater made the response (`X-Breakwater-Reason`); `none` for a response of the upstream.',
    }),
    attempts: Count({
      minimum: 0,
      description: 'How many attempts the call had. A call that is refused has none.',
    }),
    within: Duration({
      description: 'The response has ended at most this long after the request has come.',
    }),
    headers: expectedHeaders,
    body: Type.String({ description: 'Body of the response.' }),
    upstreamCalls: Count({
      minimum: 0,
      description: 'How many attempts reached for the upstream, in the whole case.',
    }),
    circuit: Type.Unsafe<unknown>({
      enum: ['closed', 'open', 'half-open'],
      description: 'State of the circuit of the last request when the last response has ended.',
    }),
  },
  { description: 'What must come of a request. What is not written is not looked at.' },
);

const something: TSchema = { ...then, minProperties: 1 };

const config = (description: string) =>
  Type.String({ title: 'a file, or the text of one after `|`', minLength: 1, description });

/** One entry of `cases`. */
export const testCaseSchema = {
  ...Options(
    {
      name: Type.String({ minLength: 1, description: 'What the case shows, as a sentence.' }),
      config: config('Configuration for this case, in place of the one above.'),
      upstream: Type.String({
        description: 'The upstream that is called. It may be left out if the file has only one.',
      }),
      given: givenList,
      others: Type.Unsafe<unknown>({
        type: 'object',
        additionalProperties: givenList,
        description:
          'The same as `given` for other upstreams, by name, such as those of a fallback.',
      }),
      when: Type.Array(when, {
        minItems: 1,
        description: 'The requests. By default a single `GET /`.',
      }),
      then: Type.Unsafe<unknown>({
        title: 'a mapping for the last request, or a list with an entry for each',
        anyOf: [something, { type: 'array', items: then, minItems: 1 }],
        description: 'For the last request, or a list with an entry for each request.',
      }),
    },
    {
      description: 'A case: what the upstream does, which requests come, and what must come of it.',
    },
  ),
  required: ['name', 'then'],
} as TSchema;

/** JSON Schema (2020-12), with the keywords of `OptionKeywords`. */
export const testFileSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Policy tests of Breakwater',
  ...Options(
    {
      config: config(
        'Configuration for all cases: a file relative to this one, or its text after `|`.',
      ),
      cases: Type.Array(testCaseSchema, {
        minItems: 1,
        description: 'The cases. Each begins anew.',
      }),
    },
    { description: 'Policy tests of Breakwater.' },
  ),
  required: ['cases'],
} as TSchema;
