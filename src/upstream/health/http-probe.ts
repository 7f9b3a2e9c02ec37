/** A health check by a GET request. */
import type { Fields } from '../../http/fields.js';
import type { HttpClient, Progress, ResponseHandler, ResponseHead } from '../../outbound/client.js';
import { isOwnShortage } from '../../outbound/shortage.js';
import type { Probe } from './health-checks.js';

export interface HttpProbeOptions {
  readonly path: string;
  /** Those of a good response. */
  readonly statuses: readonly number[];
  /** The `Host` of the request: that of the target. */
  readonly authority: string;
  /** For one check of that endpoint; is destroyed after it. */
  open(address: string): HttpClient;
}

export const USER_AGENT = 'breakwater-health-check';

export function createHttpProbe(options: HttpProbeOptions): Probe {
  const statuses = new Set(options.statuses);
  return (address, done) => {
    const client = options.open(address);
    const check = new HttpCheck(client, statuses, done);
    client.dispatch(
      {
        method: 'GET',
        path: options.path,
        authority: options.authority,
        fields: ['User-Agent', USER_AGENT],
        body: undefined,
        upgrade: undefined,
      },
      check,
    );
    return check;
  };
}

class HttpCheck implements ResponseHandler {
  readonly #client: HttpClient;
  readonly #statuses: ReadonlySet<number>;
  readonly #done: Parameters<Probe>[1];
  isOver = false;

  constructor(client: HttpClient, statuses: ReadonlySet<number>, done: Parameters<Probe>[1]) {
    this.#client = client;
    this.#statuses = statuses;
    this.#done = done;
  }

  cancel(): void {
    this.isOver = true;
    this.#client.destroy();
  }

  onHead({ status }: ResponseHead): void {
    if (!this.#statuses.has(status)) this.#finish(`it responded with status ${status}`);
  }

  onEnd(_trailers: Fields): void {
    this.#finish(undefined);
  }

  onFailure(error: Error, _progress: Progress): void {
    this.#finish(describe(error), isOwnShortage(error));
  }

  onStart(): void {}

  onStall(): void {}

  onSent(): void {}

  onInformational(): void {}

  onData(): void {}

  /** Never: it is not asked for. */
  onUpgrade(): void {}

  #finish(error: string | undefined, isNeutral = false): void {
    if (this.isOver) return;
    this.cancel();
    this.#done(error, isNeutral);
  }
}

/** Where several addresses were tried, the last one's error. */
function describe(error: Error): string {
  const last: unknown = error instanceof AggregateError ? error.errors.at(-1) : error;
  return last instanceof Error ? last.message : error.name;
}
