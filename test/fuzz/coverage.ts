/** Which parts of the program have run: V8 counts its blocks, without any change to the code. */
import { Session } from 'node:inspector';

interface CoverageRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly CoverageRange[] }[];
}

const PROGRAM = new URL('../../src/', import.meta.url).href;

/** Of the files in `src`. There is one at a time. */
export class Coverage {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** The blocks that have run since the last time. */
  take(): ReadonlySet<string> {
    const blocks = new Set<string>();
    // The call has its response before it returns.
    this.#session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
      for (const script of result as readonly ScriptCoverage[]) {
        if (script.url.startsWith(PROGRAM)) addBlocks(blocks, script);
      }
    });
    return blocks;
  }

  stop(): void {
    this.#session.disconnect();
  }
}

function addBlocks(blocks: Set<string>, { url, functions }: ScriptCoverage): void {
  for (const { ranges } of functions) {
    for (const { startOffset, endOffset, count } of ranges) {
      if (count > 0) blocks.add(`${url}:${startOffset}:${endOffset}`);
    }
  }
}
