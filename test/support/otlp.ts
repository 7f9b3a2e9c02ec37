/** A collector of spans for tests: it reads both formats of OTLP with code that OpenTelemetry has published. */
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Teardown } from './sidecar.js';

interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly boolValue?: boolean;
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** In the JSON form of OTLP. */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValue[];
  readonly events?: readonly {
    readonly name: string;
    readonly timeUnixNano: string;
    readonly attributes?: readonly KeyValue[];
  }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
}

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: 'server' | 'client';
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly message: string;
  readonly resource: Attributes;
  readonly scope: string;
}

interface ProtobufType {
  decode(bytes: Uint8Array): object;
  encode(message: object): { finish(): Uint8Array };
  fromObject(object: object): object;
  toObject(message: object, options: object): object;
}

const { opentelemetry } = createRequire(import.meta.url)(
  'otlp-decoder/build/src/generated/root.js',
) as {
  opentelemetry: {
    proto: {
      collector: {
        trace: {
          v1: Record<'ExportTraceServiceRequest' | 'ExportTraceServiceResponse', ProtobufType>;
        };
      };
    };
  };
};

const { ExportTraceServiceRequest, ExportTraceServiceResponse } =
  opentelemetry.proto.collector.trace.v1;

const hex = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString('hex');

function fromProtobuf(body: Uint8Array): OtlpRequest {
  const message = ExportTraceServiceRequest.decode(body);
  const plain = ExportTraceServiceRequest.toObject(message, { longs: String }) as OtlpRequest;
  for (const { scopeSpans } of plain.resourceSpans) {
    for (const { spans } of scopeSpans) {
      for (const span of spans as { -readonly [Key in keyof OtlpSpan]: OtlpSpan[Key] }[]) {
        span.traceId = hex(span.traceId);
        span.spanId = hex(span.spanId);
        span.parentSpanId = hex(span.parentSpanId ?? []);
      }
    }
  }
  return plain;
}

const toAttributes = (list: readonly KeyValue[] = []): Attributes =>
  Object.fromEntries(
    list.map(({ key, value }) => {
      const { stringValue, intValue, boolValue } = value;
      return [
        key,
        stringValue ?? boolValue ?? (intValue === undefined ? undefined : Number(intValue)),
      ];
    }),
  );

const toMs = (nanoseconds: string) => Number(BigInt(nanoseconds) / 1000n) / 1000;

function spansOf({ resourceSpans }: OtlpRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        traceState: span.traceState ?? '',
        name: span.name,
        kind: span.kind === 2 ? ('server' as const) : ('client' as const),
        startMs: toMs(span.startTimeUnixNano),
        endMs: toMs(span.endTimeUnixNano),
        attributes: toAttributes(span.attributes),
        events: (span.events ?? []).map(({ name, attributes }) => ({
          name,
          attributes: toAttributes(attributes),
        })),
        status: span.status?.code ?? 0,
        message: span.status?.message ?? '',
        resource: toAttributes(resource.attributes),
        scope: scope.name,
      })),
    ),
  );
}

/** What was sent, in either format. */
export function readSpans(contentType: string | undefined, body: Uint8Array): ReceivedSpan[] {
  return spansOf(
    contentType === 'application/json'
      ? (JSON.parse(Buffer.from(body).toString()) as OtlpRequest)
      : fromProtobuf(body),
  );
}

/** A response of a collector that has not taken all spans, in protobuf. */
export const partialSuccess = (rejectedSpans: number, errorMessage: string): Uint8Array =>
  ExportTraceServiceResponse.encode(
    ExportTraceServiceResponse.fromObject({ partialSuccess: { rejectedSpans, errorMessage } }),
  ).finish();

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly spans: readonly ReceivedSpan[];
}

export type Respond = (response: http.ServerResponse, request: ReceivedRequest) => void;

export interface TestCollector {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  readonly spans: readonly ReceivedSpan[];
  /** What it does with a request once it has been read. */
  respond: Respond;
}

export const takeAll: Respond = (response, { headers }) => {
  const contentType = headers['content-type']!;
  response.writeHead(200, { 'Content-Type': contentType });
  response.end(contentType === 'application/json' ? '{"partialSuccess":{}}' : '');
};

export async function startCollector(
  t: Teardown,
  respond: Respond = takeAll,
  port = 0,
): Promise<TestCollector> {
  const requests: ReceivedRequest[] = [];
  const spans: ReceivedSpan[] = [];
  const server = http.createServer((incoming, response) => {
    // Of a sidecar of another test: the port was that of its upstream before.
    if (incoming.method !== 'POST') return void response.writeHead(404).end();
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { headers, url = '' } = incoming;
      const sent = Buffer.concat(chunks);
      const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      const request = { path: url, headers, spans: readSpans(headers['content-type'], body) };
      requests.push(request);
      spans.push(...request.spans);
      collector.respond(response, request);
    });
  });
  server.listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const collector: TestCollector = { url, requests, spans, respond };
  return collector;
}
