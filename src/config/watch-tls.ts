/** Notices that certificates or keys have been renewed under their names. */
import { unwatchFile, watchFile } from 'node:fs';
import type { Clock, Timer } from '../core/clock.js';

/** How often the files are looked at, in ms. */
const POLL_MS = 1000;

/** Quiet time of all files before a change is reported, in ms: a certificate and its key are mostly written one by one. */
const SETTLE_MS = 1200;

/** The change is reported no later than this, in ms, however many changes follow. */
const LONGEST_SETTLE_MS = 3000;

/** Polls what the paths lead to, as for the configuration file: a swapped symbolic link is noticed too. */
export class TlsWatcher {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #files: ReadonlySet<string> = new Set();
  #timer: Timer | undefined;
  /** Of the first change that has not been reported. */
  #changedMs: number | undefined;

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** These files, and no others any more. */
  follow(files: readonly string[]): void {
    const wanted = new Set(files);
    for (const file of this.#files) if (!wanted.has(file)) unwatchFile(file, this.#onStat);
    for (const file of wanted) {
      if (!this.#files.has(file)) watchFile(file, { interval: POLL_MS }, this.#onStat);
    }
    this.#files = wanted;
  }

  close(): void {
    this.#timer?.cancel();
    this.follow([]);
  }

  readonly #onStat = (): void => {
    const nowMs = this.#clock.now();
    this.#changedMs ??= nowMs;
    this.#timer?.cancel();
    const restMs = this.#changedMs + LONGEST_SETTLE_MS - nowMs;
    this.#timer = this.#clock.schedule(Math.max(0, Math.min(SETTLE_MS, restMs)), () => {
      this.#changedMs = undefined;
      this.#onChange();
    });
  };
}
