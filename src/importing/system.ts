/** What the import of each system has: how its files are read, and what becomes of their keys. */
import type { Findings } from '../config/syntax/diagnostics.js';
import type { SourceNode } from '../config/syntax/source.js';
import type { Draft } from './draft.js';
import type { Foreign, ForeignFile } from './foreign.js';

/** What is asked of the machine on which the import runs. */
export interface Machine {
  /** Whether there is such a file. */
  readonly hasFile: (path: string) => boolean;
}

export interface Malformed {
  readonly part: Foreign;
  /** `must be ...` */
  readonly message: string;
}

export interface System extends Pick<ForeignFile, 'unify'> {
  readonly title: string;
  /** What its files are, for the message about a file that is none. */
  readonly expects: string;
  /** A tree for each document of a file; none where it cannot be read, and `findings` says why. */
  readonly parse: (file: string, text: string, findings: Findings) => readonly SourceNode[];
  /** Whether the document is one of this system's. */
  readonly isOwn: (document: Foreign) => boolean;
  /** What of such a document has a form in which nothing can be found. Without any, all of it is read. */
  readonly findMalformed?: (document: Foreign) => readonly Malformed[];
  /** Why keys have no equal, by the unified key. Other unused keys are told as well, without a reason. */
  readonly reasons: Readonly<Record<string, string>>;
  /** Puts all documents into the draft. What it does not use is told in comments. */
  readonly convert: (documents: readonly Foreign[], draft: Draft, machine: Machine) => void;
}

/** Makes one of differently written keys: `max_retries`, `max-retries` and `maxRetries` are the same. */
export const unifyAll = (key: string): string => key.replaceAll(/[-_]/g, '').toLowerCase();
