/** The two messages of grpc.health.v1, framed as gRPC sends them: a flag for compression, four bytes of length, the message. */
import { PbfReader, PbfWriter } from 'pbf';

const HEAD_BYTES = 5;

/** How protobuf encodes numbers. */
const VARINT = 0;

/** HealthCheckRequest { string service = 1; } */
export function encodeRequest(service: string): Buffer {
  const writer = new PbfWriter();
  // proto3 leaves out what is empty.
  if (service !== '') writer.writeStringField(1, service);
  const message = writer.finish();
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
export type ServingStatus = (typeof servingStatuses)[number];

/**
 * HealthCheckResponse { ServingStatus status = 1; }
 * @returns undefined where it is not one such message, uncompressed.
 */
export function decodeResponse(data: Buffer): ServingStatus | undefined {
  const isWhole = data.length >= HEAD_BYTES && data.readUInt32BE(1) === data.length - HEAD_BYTES;
  if (!isWhole || data[0] !== 0) return undefined;
  try {
    const reader = new PbfReader(data.subarray(HEAD_BYTES));
    const { status } = reader.readFields(readField, { status: 0 });
    // The reader goes on past the end of what is cut off.
    return reader.pos === reader.length ? servingStatuses[status] : undefined;
  } catch {
    return undefined;
  }
}

function readField(tag: number, response: { status: number }, reader: PbfReader): void {
  if (tag === 1 && reader.type === VARINT) response.status = reader.readVarint();
}
