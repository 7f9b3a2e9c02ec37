/** All fuzz targets. */
import type { Target } from '../target.js';
import { accessLog } from './access-log.js';
import { configuration } from './configuration.js';
import { deadline } from './deadline.js';
import { grpcTimeout } from './grpc-timeout.js';
import { http2Fields } from './http2-fields.js';
import { request } from './request.js';
import { response } from './response.js';
import { retryAfter } from './retry-after.js';

export const targets: readonly Target[] = [
  request,
  response,
  http2Fields,
  configuration,
  deadline,
  grpcTimeout,
  retryAfter,
  accessLog,
];
