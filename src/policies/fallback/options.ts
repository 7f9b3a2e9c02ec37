/** Options of the fallback policy. */
import { Duration, ListOrOff, Options, Type, type Static } from '../../core/options.js';

export interface StaticResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  /** Text, or the bytes of `bodyFile`. */
  readonly body?: string | Buffer;
  /** Read with the configuration; the content is then in `body`. */
  readonly bodyFile?: string;
}

/** Has exactly one of the keys. */
export interface FallbackEntry {
  readonly cache?: { readonly ttl: number };
  readonly upstream?: string;
  readonly static?: StaticResponse;
}

export const schema = ListOrOff<FallbackEntry>(
  {
    ...Options(
      {
        cache: Options(
          {
            ttl: Duration({
              zero: false,
              default: '1h',
              description: 'Up to which age a kept response is sent.',
            }),
          },
          { description: 'The last good response to the same GET or HEAD of the same caller.' },
        ),
        upstream: Type.String({
          description: 'Name of another upstream. The call goes through its whole pipeline.',
        }),
        static: Options(
          {
            status: Type.Integer({
              default: 200,
              minimum: 200,
              maximum: 599,
              description: 'Status of the response.',
            }),
            headers: Type.Unsafe<StaticResponse['headers']>({
              type: 'object',
              additionalProperties: { type: ['string', 'number'], title: 'text or a number' },
              description: 'Header fields of the response. `Content-Length` follows from the body.',
            }),
            body: Type.String({ description: 'Body of the response, as text.' }),
            bodyFile: Type.String({
              description:
                'File with the body, instead of `body`. The path is relative to the configuration file. It is read when the configuration is read.',
            }),
          },
          { description: 'A response that is always the same.' },
        ),
      },
      { description: 'One source: `cache`, `upstream` or `static`.' },
    ),
    minProperties: 1,
    maxProperties: 1,
  },
  {
    default: 'off',
    minItems: 1,
    description:
      'Sources of a substitute, used in this order if a call would end in a 500, 502, 503 or 504.',
  },
);

export interface FallbackSettings {
  readonly fallback: Static<typeof schema>;
  /** If it is on, its `bodyLimit` says how much of a body is kept. */
  readonly retry: unknown;
}
