/** The failures in a row, and the endpoints that they come from. */
import type { EndpointChoice } from '../../core/call.js';
import type { Off } from '../../core/options.js';

export interface RowResult {
  readonly isFailure: boolean;
  /** The address that the attempt went to; undefined where none was known. */
  readonly endpoint: string | undefined;
  /** All that it could have gone to. */
  readonly endpoints: EndpointChoice | undefined;
}

export interface RowRules {
  readonly failureThreshold: number | Off;
}

/** As `failureThreshold` has it by default. */
const DEFAULT_THRESHOLD = 5;

/**
 * So many times the threshold of different endpoints speak for the upstream, however many it has. Of a large one of which half
 * has died, five attempts in a row fail again and again until ejection has found the dead endpoints; twenty do not.
 */
const ENOUGH_TIMES = 4;

export class FailureRow {
  #length = 0;
  /** Different ones. */
  readonly #addresses: string[] = [];
  #enough = ENOUGH_TIMES * DEFAULT_THRESHOLD;

  get length(): number {
    return this.#length;
  }

  configure({ failureThreshold }: RowRules): void {
    this.#enough =
      ENOUGH_TIMES * (failureThreshold === 'off' ? DEFAULT_THRESHOLD : failureThreshold);
  }

  note({ isFailure, endpoint }: RowResult): void {
    if (!isFailure) return this.end();
    this.#length += 1;
    const addresses = this.#addresses;
    if (endpoint === undefined || addresses.length >= this.#enough) return;
    if (!addresses.includes(endpoint)) addresses.push(endpoint);
  }

  /**
   * Whether the row is the upstream's: while an endpoint is available that has no part in it, ejection deals with the
   * others. @param last the one that was noted last.
   */
  isOfUpstream({ endpoints }: RowResult): boolean {
    return this.#addresses.length >= this.#enough || endpoints?.hasOther(this.#addresses) !== true;
  }

  /** The row goes on, but only further failures say whether it is the upstream's. */
  forgetEndpoints(): void {
    this.#addresses.length = 0;
  }

  end(): void {
    this.#length = 0;
    // Setting the length of an array is slow, also where nothing changes; this runs once per good response.
    if (this.#addresses.length > 0) this.#addresses.length = 0;
  }
}
