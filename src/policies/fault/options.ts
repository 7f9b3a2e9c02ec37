/** What can be set of faults. */
import {
  Count,
  Duration,
  Options,
  Share,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';

/** Headers that HTTP itself uses: clients cannot send them as they like, or always send them. */
const usedByHttp = [
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
];

/** As a regular expression without flags, which JSON Schema does not have. */
const inAnyCase = (word: string) =>
  word.replaceAll(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);

const HEADER_PATTERN = `^(?!(?:${usedByHttp.map(inAnyCase).join('|')})$)[!#$%&'*+.^_\`|~0-9A-Za-z-]+$`;

/** Responses of upstreams that fail; others could be kept, and would outlive the fault. */
export const MIN_STATUS = 400;
export const MAX_STATUS = 599;

const share = Share({
  default: '100%',
  description: 'Share of the attempts that get this fault, drawn for each attempt.',
});

const delay = Switchable(
  Options(
    {
      share,
      time: Duration({
        zero: false,
        default: '1s',
        description: 'How much later the headers of the response come.',
      }),
    },
    { description: 'The upstream is slow.' },
  ),
  { default: 'off' },
);

const abort = Switchable(
  Options(
    {
      share,
      status: Count({
        default: 503,
        minimum: MIN_STATUS,
        maximum: MAX_STATUS,
        description:
          'Status of the response that comes at once. A gRPC call gets the gRPC status that this one means.',
      }),
    },
    { description: 'The upstream responds with an error. It gets no request.' },
  ),
  { default: 'off' },
);

const reset = Switchable(
  Options(
    { share },
    { description: 'The connection breaks without a response. The upstream gets no request.' },
  ),
  { default: 'off' },
);

export const schema = Switchable(
  Options(
    {
      delay,
      abort,
      reset,
      header: Type.Unsafe<string>({
        anyOf: [
          {
            type: 'string',
            pattern: HEADER_PATTERN,
            title: 'the name of a header that HTTP itself does not use, such as X-Fault',
          },
          { enum: ['off', false] },
        ],
        off: true,
        default: 'off',
        description:
          'Header by which a request may ask for a fault: `delay=2s`, `abort=503` or `reset`.',
      }),
      first: Type.Unsafe<number | undefined>(
        Count({
          minimum: 1,
          description:
            'How many attempts get a fault; all after them get none. If it is not written, there is no end.',
        }),
      ),
    },
    {
      description:
        'Lets attempts fail or be slow on purpose, as if the upstream had done it. For tests and game days.',
    },
  ),
  { default: 'off' },
);

export interface FaultSettings {
  readonly fault: Static<typeof schema>;
}

export type FaultOptions = Exclude<FaultSettings['fault'], Off>;
