/** What the dispatch asks an upstream for: where an attempt goes. */
import type { Attempt } from '../core/attempt.js';
import type { CallError } from '../core/errors.js';
import type { HttpClient } from './client.js';

/** Where one attempt goes. */
export interface Destination {
  readonly client: HttpClient;
  /** The target as configured, for messages. */
  readonly target: string;
  /** Of the endpoint, as logs call it: `10.0.0.1:8080`, `[::1]:8080`, the path of a socket, or a name with its port. */
  readonly address: string;
  /** The Host that is sent, unless the client's is (RFC 9110, section 7.2). */
  readonly authority: string;
  /** An attempt goes to it. */
  begin(): void;
  /** The attempt is over; once per `begin`. */
  end(): void;
  /** What an attempt says about it; at most once per `begin`. @param beganMs when the attempt began, in monotonic ms. */
  report(isFailure: boolean, beganMs: number): void;
  /** No connection could be opened. */
  onUnreachable(): void;
}

/** Chooses where attempts go. */
export interface Destinations {
  /** The target as configured, for messages. */
  readonly target: string;
  /** Undefined as long as no address is known. */
  choose(attempt: Attempt, nowMs: number): Destination | undefined;
  /** Calls back once: when there is an address, or when there will be none. @returns what ends the wait. */
  wait(onEnd: (error?: Error) => void): () => void;
  /** Why no attempt can be made now. */
  refusal(): CallError | undefined;
}

/** `*` stands for the target as a whole, which has a path where the configuration gives it one. */
export function joinPath(basePath: string, path: string): string {
  return path === '*' && basePath !== '' ? basePath : basePath + path;
}
