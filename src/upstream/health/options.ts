/** What can be set of the health of endpoints. */
import {
  Count,
  Duration,
  DurationOrOff,
  Options,
  Share,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';

export const ejection = Switchable(
  Options(
    {
      consecutiveFailures: Count({
        default: 5,
        minimum: 1,
        description: 'This many failures in a row eject an endpoint.',
      }),
      baseTime: Duration({
        zero: false,
        default: '10s',
        description: 'How long an endpoint is out, times the number of ejections in a row.',
      }),
      maxTime: Duration({
        zero: false,
        default: '5m',
        description: 'Longest time that an endpoint is out.',
      }),
      maxShare: Share({
        zero: false,
        default: '50%',
        description:
          'Share of the endpoints that may be out at a time: rounded down, but at least one.',
      }),
    },
    {
      description:
        'Takes endpoints at which attempts fail out for a while. It acts where there are two endpoints or more.',
    },
  ),
);

/** What a check asks for. */
export const healthCheckAlternatives = ['path', 'grpc'] as const;

export const healthCheck = Switchable(
  Options(
    {
      path: Type.Unsafe<string | undefined>({
        type: 'string',
        title: 'a path such as /healthz, percent-encoded and without #',
        pattern: '^/[!"$-~]*$',
        description: 'Path that is requested with GET. One of `path` and `grpc` is needed.',
      }),
      grpc: Type.Unsafe<string | undefined>({
        type: 'string',
        description:
          'Service that is asked for by `grpc.health.v1`; empty for the server as a whole.',
      }),
      interval: Duration({
        zero: false,
        default: '5s',
        description: 'Time between two checks of one endpoint; it varies by up to 10%.',
      }),
      timeout: Duration({
        zero: false,
        default: '1s',
        description: 'A check without a response after this time has failed.',
      }),
      unhealthyAfter: Count({
        default: 3,
        minimum: 1,
        description: 'This many failed checks in a row make an endpoint unhealthy.',
      }),
      healthyAfter: Count({
        default: 2,
        minimum: 1,
        description: 'This many successful checks in a row make it healthy again.',
      }),
      statuses: Type.Unsafe<readonly number[]>({
        type: 'array',
        items: { type: 'integer', minimum: 100, maximum: 599 },
        minItems: 1,
        default: [200, 204],
        description: 'Response statuses of a successful check.',
      }),
    },
    {
      description: 'Asks each endpoint regularly whether it is well. Checks are not calls.',
      alternatives: healthCheckAlternatives,
    },
  ),
  { default: 'off' },
);

/** 0 is as good as off. */
export const slowStart = DurationOrOff({
  default: 'off',
  zero: true,
  description:
    'How long the share of an endpoint grows, linearly, after it is new or has come back. Off: it has its whole share at once.',
});

export type EjectionOptions = Exclude<Static<typeof ejection>, Off>;
export type HealthCheckOptions = Exclude<Static<typeof healthCheck>, Off>;

export interface HealthOptions {
  readonly ejection: EjectionOptions | Off;
  readonly healthCheck: HealthCheckOptions | Off;
  /** In ms; 0 where it is off. */
  readonly slowStart: number;
}
