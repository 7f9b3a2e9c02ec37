/** What the contenders are put through. */
import { FAILING_SHARE, LARGE_BYTES, SMALL_BODY } from '../support/answers.js';

export type WorkloadName = 'small-get' | 'post-1k' | 'large' | 'routes' | 'failing' | 'open';

export interface Workload {
  readonly name: WorkloadName;
  /** For the head of a table. */
  readonly title: string;
  readonly method: 'GET' | 'POST';
  /** One of these by turns. */
  readonly paths: readonly string[];
  /** Bytes sent with each request. */
  readonly bodyBytes: number;
  /** Whether each request carries the instant at which its caller gives up. */
  readonly hasDeadline: boolean;
  /** Of a good answer. */
  readonly answer: string;
  /** Share of requests that may end otherwise than with 2xx, for one that retries and for one that does not. */
  readonly failingShare: { readonly retrying: number; readonly plain: number };
}

export const ROUTES = 64;

const basic = {
  method: 'GET',
  bodyBytes: 0,
  hasDeadline: false,
  answer: SMALL_BODY,
  failingShare: { retrying: 0, plain: 0 },
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
    title: '100 KiB answer',
    paths: ['/large'],
    answer: 'x'.repeat(LARGE_BYTES),
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
    title: '30 % of tries fail',
    paths: ['/flaky'],
    // Three tries.
    failingShare: { retrying: FAILING_SHARE ** 3, plain: FAILING_SHARE },
  },
  {
    ...basic,
    name: 'open',
    title: 'Circuit open',
    paths: ['/item'],
    failingShare: { retrying: 1, plain: 1 },
  },
];
