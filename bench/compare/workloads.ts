/** What the contenders are put through. */
import { FAILING_SHARE, LARGE_BYTES, SMALL_BODY } from '../support/responses.js';
import { GRPC_PATH } from '../support/grpc.js';

export type WorkloadName =
  | 'small-get'
  | 'post-1k'
  | 'large'
  | 'routes'
  | 'failing'
  | 'open'
  | 'grpc-unary'
  | 'memory';

export interface Workload {
  readonly name: WorkloadName;
  /** For the head of a table. */
  readonly title: string;
  readonly protocol: 'http1' | 'grpc';
  readonly method: 'GET' | 'POST';
  /** One of these by turns. */
  readonly paths: readonly string[];
  /** Bytes sent with each request. */
  readonly bodyBytes: number;
  /** Whether each request carries the instant at which its caller gives up. */
  readonly hasDeadline: boolean;
  /** Of a good response. */
  readonly response: string;
  /** Share of attempts that do not end with 2xx. */
  readonly failingShare: number;
  /** Whether what a proxy adds to the latency is measured. */
  readonly hasLatency: boolean;
}

export const ROUTES = 64;

const basic = {
  protocol: 'http1',
  method: 'GET',
  bodyBytes: 0,
  hasDeadline: false,
  response: SMALL_BODY,
  failingShare: 0,
  hasLatency: true,
} as const;

export const workloads: readonly Workload[] = [
  { ...basic, name: 'small-get', title: 'Small GET', paths: ['/item'] },
  {
    ...basic,
    name: 'post-1k',
    title: '1 KiB POST',
    paths: ['/item'],
    method: 'POST',
    bodyBytes: 1024,
  },
  {
    ...basic,
    name: 'large',
    title: '100 KiB response',
    paths: ['/large'],
    response: 'x'.repeat(LARGE_BYTES),
  },
  {
    ...basic,
    name: 'routes',
    title: `${ROUTES} routes, deadline`,
    paths: Array.from({ length: ROUTES }, (_, i) => `/r${i}/item`),
    hasDeadline: true,
  },
  {
    ...basic,
    name: 'failing',
    title: '30% of attempts fail',
    paths: ['/flaky'],
    failingShare: FAILING_SHARE,
    hasLatency: false,
  },
  {
    ...basic,
    name: 'open',
    title: 'Circuit open',
    paths: ['/item'],
    failingShare: 1,
    hasLatency: false,
  },
  {
    ...basic,
    name: 'grpc-unary',
    title: 'gRPC: small unary calls, 64 streams of one connection (upstream and load: node:http2)',
    protocol: 'grpc',
    paths: [GRPC_PATH],
    method: 'POST',
    hasLatency: false,
  },
  { ...basic, name: 'memory', title: 'Memory', paths: ['/item'] },
];
