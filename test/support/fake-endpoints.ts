/** Endpoints as a balancer sees them, and calls in flight at them. */
import type { Balanced, Balancer } from '../../src/upstream/balance/balancer.js';
import { fakeCall } from './fake-call.js';

export interface FakeEndpoint extends Balanced {
  active: number;
  share: number;
}

export function fakeEndpoint(address: string, weight = 1): FakeEndpoint {
  return {
    address,
    weight,
    active: 0,
    share: 1,
    shareAt() {
      return this.share;
    },
  };
}

/** `10.0.0.1:80` and so on, of these weights. */
export const fakeEndpoints = (...weights: readonly number[]): FakeEndpoint[] =>
  weights.map((weight, i) => fakeEndpoint(`10.0.${i >> 8}.${(i & 255) + 1}:80`, weight));

/** So many of weight 1. */
export const equalEndpoints = (count: number): FakeEndpoint[] =>
  fakeEndpoints(...Array.from({ length: count }, () => 1));

/** How many of so many first attempts, none of which stays in flight, go to each endpoint. */
export function countPicks(
  balancer: Balancer<FakeEndpoint>,
  endpoints: readonly FakeEndpoint[],
  picks: number,
): number[] {
  const counts = new Map(endpoints.map((endpoint) => [endpoint, 0]));
  const call = fakeCall();
  for (let i = 0; i < picks; i++) {
    const endpoint = balancer.pick(call, 0)!;
    counts.set(endpoint, counts.get(endpoint)! + 1);
  }
  return [...counts.values()];
}

/** A further attempt of a call that has tried these. */
export function retryAfter(
  tried: readonly Balanced[],
  init: Parameters<typeof fakeCall>[0] = {},
): ReturnType<typeof fakeCall> {
  const call = fakeCall(init);
  call.triedEndpoints = tried.map(({ address }) => address);
  return call;
}
