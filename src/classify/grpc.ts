/** What a response to a gRPC call means by its gRPC status: in its head if nothing follows, else in its trailers. */
import { classifyFailure, type Classifier } from '../core/outcome.js';
import { findGrpcCode } from '../http/grpc.js';

export const grpc: Classifier = {
  atHead({ headers }) {
    const code = findGrpcCode(headers);
    return code === undefined ? undefined : { kind: 'grpc', code, isTrailersOnly: true };
  },
  atEnd: (trailers) => ({
    kind: 'grpc',
    code: findGrpcCode(trailers) ?? 'UNKNOWN',
    isTrailersOnly: false,
  }),
  atBreak: (_, error) => classifyFailure(error),
};
