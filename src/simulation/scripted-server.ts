/** A server that follows a script: what it does with the first attempt, the second one, and so on. */
import type { Clock } from '../core/clock.js';
import type { ServedRequest, SimulatedResponse, SimulatedServer } from './server.js';

/** What becomes of one attempt, after `delayMs`. `hang`: the request is taken, and nothing comes back. */
export type ScriptStep =
  | { readonly kind: 'respond'; readonly delayMs: number; readonly response: SimulatedResponse }
  | { readonly kind: 'reset' | 'refuse' | 'hang'; readonly delayMs: number };

/** Each attempt has a connection of its own, so that a reset is never taken for a connection that was closed while idle. */
export class ScriptedServer implements SimulatedServer {
  readonly keepsConnections = false;
  readonly generation = 0;
  readonly #script: readonly ScriptStep[];
  readonly #clock: Clock;
  /** Called with each request that it receives, whatever comes of it. */
  readonly #onRequest: (request: ServedRequest) => void;
  #calls = 0;

  /** @param script at least one step; the last one repeats. */
  constructor(
    script: readonly ScriptStep[],
    clock: Clock,
    onRequest: (request: ServedRequest) => void = () => {},
  ) {
    this.#script = script;
    this.#clock = clock;
    this.#onRequest = onRequest;
  }

  /** Attempts that were made at it, refused ones included. */
  get calls(): number {
    return this.#calls;
  }

  serve(request: ServedRequest): void {
    const step = this.#script[Math.min(this.#calls, this.#script.length - 1)]!;
    this.#calls += 1;
    const later = (then: () => void) => this.#clock.schedule(step.delayMs, then);
    if (step.kind === 'refuse') return void later(() => request.refuse());
    request.open(() => {
      this.#onRequest(request);
      if (step.kind === 'reset') later(() => request.reset());
      if (step.kind === 'respond') later(() => request.respond(step.response));
    });
  }
}
