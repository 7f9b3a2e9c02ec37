/** What the exporter of spans asks of a collector. */
import type { Span } from './span.js';

/** What became of one request. */
export type Sent =
  /** @param rejected spans that the collector did not take. */
  | { readonly kind: 'taken'; readonly rejected: number; readonly why: string | undefined }
  /** It may work later. @param afterMs how long the collector wants to be left alone. */
  | { readonly kind: 'later'; readonly why: string; readonly afterMs: number | undefined }
  /** Another attempt would not help, or would send the spans twice. */
  | { readonly kind: 'lost'; readonly why: string; readonly isDown: boolean };

/** Where spans go. */
export interface Collector {
  /** Parts of a collector with the same format can be sent to this one. */
  readonly format: string;
  /** A part of a request, of `PART` spans at most: it takes a fraction of a millisecond. */
  encode(spans: readonly Span[]): Uint8Array;
  /** Sends parts as one request. Never rejects, and ends within its time limit. */
  send(parts: readonly Uint8Array[]): Promise<Sent>;
  /** Ends all requests at once. */
  close(): void;
}
