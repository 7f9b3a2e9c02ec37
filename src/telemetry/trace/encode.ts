/** Spans as OTLP has them, in either of its two formats; the only user of `@opentelemetry/otlp-transformer`. */
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { Span } from './span.js';

export type OtlpProtocol = 'http/protobuf' | 'http/json';

/** Spans that a collector did not take although it says that all is well. */
export interface Rejection {
  readonly spans: number;
  readonly message: string;
}

export interface Encoding {
  /** What all spans have in common: the same text means that parts can go into one request. */
  readonly format: string;
  readonly contentType: string;
  readonly encode: (spans: readonly Span[]) => Uint8Array;
  /** Makes one request of several that `encode` has made. */
  readonly join: (parts: readonly Uint8Array[]) => Uint8Array;
  /** @param body of a 2xx response. @returns undefined where nothing was rejected, or nothing can be read. */
  readonly readRejection: (body: Uint8Array) => Rejection | undefined;
}

/** What stands around the list of a request in JSON. */
const JSON_START = Buffer.from('{"resourceSpans":[');
const JSON_END = Buffer.from(']}');
const COMMA = Buffer.from(',');

/** One list of all lists. */
function joinJson(parts: readonly Uint8Array[]): Uint8Array {
  const lists = parts.map((part) =>
    part.subarray(JSON_START.length, part.length - JSON_END.length),
  );
  const joined = lists.flatMap((list, i) => (i === 0 ? [list] : [COMMA, list]));
  return Buffer.concat([JSON_START, ...joined, JSON_END]);
}

const formats = {
  'http/protobuf': { serializer: ProtobufTraceSerializer, contentType: 'application/x-protobuf' },
  'http/json': { serializer: JsonTraceSerializer, contentType: 'application/json' },
};

type Readable = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

export interface ProcessIdentity {
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
}

/** The part of a span that is the same for all of a process. */
export function createEncoding(
  protocol: OtlpProtocol,
  { resource, version }: ProcessIdentity,
): Encoding {
  const { serializer, contentType } = formats[protocol];
  const shared = {
    resource: { attributes: resource },
    instrumentationScope: { name: 'breakwater', version },
  };
  return {
    format: JSON.stringify([protocol, shared]),
    contentType,
    encode(spans) {
      for (const span of spans) {
        span.resource = shared.resource;
        span.instrumentationScope = shared.instrumentationScope;
      }
      // The serializers read less than their type asks for: a Span has all that they read.
      const body = serializer.serializeRequest(spans as unknown as Readable[]);
      if (body === undefined) throw new Error('the serializer gave nothing');
      return body;
    },
    // Protocol buffers: messages one behind the other are one message with the lists of all of them.
    join: protocol === 'http/json' ? joinJson : (parts) => Buffer.concat(parts),
    readRejection(body) {
      if (body.length === 0) return undefined;
      try {
        const { partialSuccess } = serializer.deserializeResponse(body);
        const rejected: unknown = partialSuccess?.rejectedSpans;
        // JSON may write a 64-bit number as a text.
        const spans = Number(rejected ?? 0);
        return spans > 0 ? { spans, message: partialSuccess?.errorMessage ?? '' } : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
