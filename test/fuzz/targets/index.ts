/** All fuzz targets. */
import type { Target } from '../target.js';
import { accessLog } from './access-log.js';
import { configuration } from './configuration.js';
import { deadline } from './deadline.js';
import { grpcTimeout } from './grpc-timeout.js';
import { response } from './response.js';
import { retryAfter } from './retry-after.js';

export const targets: readonly Target[] = [
  response,
  configuration,
  deadline,
  grpcTimeout,
  retryAfter,
  accessLog,
];
