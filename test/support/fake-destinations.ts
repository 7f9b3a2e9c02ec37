/** One destination, which keeps what it is told. */
import type { HttpClient } from '../../src/outbound/client.js';
import type { Destination, Destinations } from '../../src/outbound/destination.js';

export interface FakeDestinations extends Destinations {
  /** Attempts in flight. */
  active: number;
  readonly reports: boolean[];
  unreachable: number;
}

export function fakeDestinations(client: HttpClient): FakeDestinations {
  const destination: Destination = {
    client,
    target: 'http://x',
    address: '192.0.2.1:80',
    authority: 'x',
    begin: () => void (fake.active += 1),
    end: () => void (fake.active -= 1),
    report: (isFailure) => void fake.reports.push(isFailure),
    onUnreachable: () => void (fake.unreachable += 1),
  };
  const fake: FakeDestinations = {
    target: 'http://x',
    active: 0,
    reports: [],
    unreachable: 0,
    choose: () => destination,
    wait: () => () => {},
    refusal: () => undefined,
  };
  return fake;
}
