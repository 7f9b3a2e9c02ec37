/**
 * Slows down clients that guess the token of the admin server. A peer that has sent many wrong tokens gets 429, and its tokens, right
 * ones included, are checked only after a wait. Without the wait a guesser would see at once whether a token is right. A
 * right token is never refused because of wrong ones: behind `localhost` or a port-forward, an operator and a guesser have
 * the same address.
 */
import type { Clock } from '../core/clock.js';

/** So many wrong tokens of a peer get 401. */
export const MOST_WRONG = 10;

/** A peer that sends no wrong token for this long starts anew, in ms. */
export const CALM_MS = 60_000;

/** How long a token waits for its check after too many wrong ones, in ms. */
export const WAIT_MS = 1000;

/** Tokens of one peer that may wait at a time: so many guesses per `WAIT_MS` are checked. */
export const MOST_WAITING = 10;

/** Peers that are remembered. The one whose last wrong token is the oldest makes room. */
const MOST_PEERS = 1000;

/**
 * Why a token was refused: it is wrong; it is wrong, and too many came before it; it was not checked, because too many of
 * that peer wait.
 */
export const tokenRefusals = ['wrong', 'limited', 'unchecked'] as const;
export type TokenRefusal = (typeof tokenRefusals)[number];

interface Peer {
  wrong: number;
  lastWrongMs: number;
  waiting: number;
}

export interface WrongTokensOptions {
  readonly clock: Clock;
  readonly count: (refusal: TokenRefusal) => void;
}

export class WrongTokens {
  readonly #options: WrongTokensOptions;
  /** The one whose last wrong token is the oldest comes first. */
  readonly #peers = new Map<string, Peer>();

  constructor(options: WrongTokensOptions) {
    this.#options = options;
  }

  /** @returns undefined where the token may be checked now, otherwise what comes before: `false` where too many wait. */
  turnOf(address: string): Promise<void> | false | undefined {
    const peer = this.#find(networkOf(address));
    if (peer === undefined || peer.wrong < MOST_WRONG) return undefined;
    const { clock, count } = this.#options;
    if (peer.waiting >= MOST_WAITING) {
      count('unchecked');
      return false;
    }
    // The place stays taken for the whole wait, also if the client hangs up.
    peer.waiting++;
    return new Promise((resolve) => {
      clock.schedule(WAIT_MS, () => {
        peer.waiting--;
        resolve();
      });
    });
  }

  /** A token of the peer is wrong. @returns how many have been in a row. */
  note(address: string): number {
    const { clock, count } = this.#options;
    const network = networkOf(address);
    const peer = this.#find(network) ?? { wrong: 0, lastWrongMs: 0, waiting: 0 };
    peer.wrong++;
    peer.lastWrongMs = clock.now();
    count(peer.wrong > MOST_WRONG ? 'limited' : 'wrong');
    this.#peers.delete(network);
    this.#peers.set(network, peer);
    if (this.#peers.size > MOST_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
    return peer.wrong;
  }

  #find(network: string): Peer | undefined {
    const peer = this.#peers.get(network);
    if (peer === undefined) return undefined;
    if (this.#options.clock.now() - peer.lastWrongMs >= CALM_MS) peer.wrong = 0;
    return peer;
  }
}

/** IPv6 clients have 2^64 addresses each: the network counts. IPv4 addresses, also in IPv6 notation, count as they are. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = [], tail = []] = address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}
