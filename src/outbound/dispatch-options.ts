/** What an upstream gives to the stage that carries its attempts out. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.js';
import type { Emit } from '../core/events.js';
import type { Judge } from '../core/judge.js';
import type { EditRequest } from '../core/pipeline.js';
import type { Destinations } from './destination.js';

export interface DispatchOptions {
  readonly upstream: string;
  /** Put in front of the call's path: empty, or without a slash at its end. */
  readonly basePath: string;
  /** What policies write on each attempt's request. */
  readonly edits: readonly EditRequest[];
  readonly destinations: Destinations;
  readonly judge: Judge;
  /** Takes over both sides of an upgraded connection. */
  openTunnel(client: Duplex, upstream: Duplex): void;
  readonly clock: Clock;
  readonly emit: Emit;
}
