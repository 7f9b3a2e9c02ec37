/** What a file with policy tests says, read and checked. */
import type { Config } from '../config/config.js';
import type { Position } from '../config/syntax/diagnostics.js';
import type { ScriptStep } from '../simulation/scripted-server.js';
import type { CallerRequest } from '../simulation/caller.js';

export interface TestRequest extends CallerRequest {
  readonly atMs: number;
}

/** What is not written is undefined, and is not looked at. */
export interface Expectation {
  readonly position: Position;
  readonly status?: number;
  /** `none` where it must be a response of the upstream. */
  readonly reason?: string;
  readonly attempts?: number;
  readonly withinMs?: number;
  /** In the order of the file. `true`: any value; `false`: not there. */
  readonly headers?: readonly (readonly [name: string, value: string | boolean])[];
  readonly body?: string;
  readonly upstreamCalls?: number;
  readonly circuit?: string;
}

export interface TestCase {
  readonly name: string;
  readonly position: Position;
  /** Without errors. */
  readonly config: Config;
  /** It has this upstream. */
  readonly upstream: string;
  readonly scripts: ReadonlyMap<string, readonly ScriptStep[]>;
  readonly requests: readonly TestRequest[];
  /** An entry for each request; undefined where nothing is expected of it. */
  readonly expectations: readonly (Expectation | undefined)[];
}
