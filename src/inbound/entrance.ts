/** Where the requests of one listener, whatever their protocol, become exchanges. */
import type { ExchangeContext } from './exchange-context.js';
import { Exchange } from './exchange.js';
import type { Router } from './router.js';
import type { InboundStream } from './stream.js';

export class Entrance {
  readonly #context: ExchangeContext;
  #router: Router | undefined;
  #waiting: (() => void)[] = [];

  constructor(context: ExchangeContext) {
    this.#context = context;
  }

  /** @returns undefined as long as there is no router. */
  exchangeOf(stream: InboundStream): Exchange | undefined {
    if (this.#router === undefined) return undefined;
    const routed = this.#router.route(stream.method, stream.target);
    return new Exchange(stream, routed, this.#context);
  }

  /** Runs `start` when there is a router. */
  wait(start: () => void): void {
    this.#waiting.push(start);
  }

  setRouter(router: Router): void {
    this.#router = router;
    const held = this.#waiting;
    this.#waiting = [];
    for (const start of held) start();
  }
}
