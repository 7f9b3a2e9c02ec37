/** The simulated callers: they call whether or not their earlier calls have ended, and give up after a time. */
import { Call } from '../../src/core/call.js';
import { ClientGoneError, type CallFailure } from '../../src/core/errors.js';
import type { CallStage } from '../../src/core/pipeline.js';
import type { Fields } from '../../src/http/fields.js';
import { exponential } from '../../src/simulation/chance.js';
import type { Ending, Recorder } from './recorder.js';
import type { VirtualClock } from '../../src/simulation/virtual-clock.js';

/** Callers that come by themselves, however many are waiting already (an open loop, Poisson arrivals). */
export interface Callers {
  readonly name: string;
  /** Calls per second, at an instant; 0 pauses them for 100 ms. */
  readonly perSecond: number | ((nowMs: number) => number);
  /** When they give up and hang up, ms. */
  readonly patienceMs: number;
  readonly headers?: Fields;
  readonly method?: string;
}

export function keepCalling(
  callers: Callers,
  stage: CallStage,
  clock: VirtualClock,
  recorder: Recorder,
  random: () => number,
): void {
  const { name, perSecond, patienceMs, headers = [], method = 'GET' } = callers;

  async function callOnce(): Promise<void> {
    const startedAtMs = clock.now();
    const call = new Call({
      method,
      path: '/',
      headers,
      body: undefined,
      outgoing: headers,
      startedAtMs,
    });
    const patience = clock.schedule(patienceMs, () =>
      call.cancel(new ClientGoneError(499, 'Cannot answer because the caller has given up')),
    );
    let ending: Pick<Ending, 'status' | 'reason'>;
    try {
      const { status } = await stage.run(call);
      ending = { status, reason: call.substitution?.reason ?? '' };
    } catch (error) {
      const failure = error as CallFailure;
      ending = { status: failure.status, reason: 'reason' in failure ? failure.reason : '' };
    }
    patience.cancel();
    const tookMs = clock.now() - startedAtMs;
    recorder.record(name, startedAtMs, { ...ending, tookMs, tries: call.attempts });
  }

  function next(): void {
    const rate = typeof perSecond === 'number' ? perSecond : perSecond(clock.now());
    if (rate === 0) return void clock.schedule(100, next);
    clock.schedule(exponential(1000 / rate)(random), () => {
      void callOnce();
      next();
    });
  }
  next();
}
