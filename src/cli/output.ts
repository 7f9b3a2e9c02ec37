/** What the short commands have of the process, so that tests can stand in for it. */
import type { Environment } from '../config/syntax/interpolate.js';

interface Sink {
  write(text: string): unknown;
}

export interface Output {
  /** All of standard input; undefined where there is none. */
  readonly stdin?: () => Uint8Array;
  readonly env: Environment;
  readonly stdout: Sink;
  readonly stderr: Sink;
}
