/** The schema of `tracing`. */
import { Options, ShareOrWord, Switchable, Type, type Static } from '../../core/options.js';

/** What OTLP over HTTP can carry. */
export const protocols = ['http/protobuf', 'http/json'] as const;

export type TraceProtocol = (typeof protocols)[number];

/** Without defaults of their own where environment variables fill in what is not written. */
export const tracing = Switchable(
  Options(
    {
      endpoint: Type.String({
        title: 'a URL such as http://127.0.0.1:4318',
        description:
          'Base address of the collector; `/v1/traces` is appended. If it is not written: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` as it is, `OTEL_EXPORTER_OTLP_ENDPOINT`, or `http://127.0.0.1:4318`.',
      }),
      protocol: Type.Unsafe<TraceProtocol>({
        enum: protocols,
        description:
          'Format of the spans. If it is not written: `OTEL_EXPORTER_OTLP_PROTOCOL`, or `http/protobuf`.',
      }),
      sample: ShareOrWord('parent', {
        default: 'parent',
        description:
          'Which calls are recorded. A caller that has its trace recorded or not always decides for its calls. The share holds for calls without a trace; with `parent` none of these is recorded.',
      }),
      headers: Type.Unsafe<Readonly<Record<string, string | number>>>({
        type: 'object',
        writeOnly: true,
        additionalProperties: {
          type: ['string', 'number'],
          title: 'text or a number',
          writeOnly: true,
        },
        description:
          'Header fields of the requests to the collector, such as an API key. Those of `OTEL_EXPORTER_OTLP_HEADERS` are added.',
      }),
      serviceName: Type.String({
        minLength: 1,
        description:
          '`service.name` of the spans. If it is not written: `OTEL_SERVICE_NAME`, `service.name` of `OTEL_RESOURCE_ATTRIBUTES`, or `breakwater`.',
      }),
    },
    { description: 'Sends OpenTelemetry spans of calls and attempts to a collector.' },
  ),
  { default: 'off' },
);

export type TracingSection = Static<typeof tracing>;
