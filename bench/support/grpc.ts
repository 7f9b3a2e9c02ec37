/** The gRPC call of the measurements: a small unary message there and back. */

export const GRPC_PATH = '/bench.Items/Get';

/** With its prefix of five bytes. */
export function frameMessage(bytes: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Ten bytes: about the id of an item. */
export const REQUEST = frameMessage(Buffer.from('item  4711'));
export const RESPONSE = frameMessage(Buffer.from('id and tag'));

/** As grpc-js sends them, but for the pseudo-header fields. */
export const REQUEST_FIELDS = {
  'content-type': 'application/grpc',
  te: 'trailers',
  'user-agent': 'grpc-node-js/1.14.7',
  'grpc-accept-encoding': 'identity,deflate,gzip',
} as const;
