/** What the circuits of one upstream in several replicas tell each other. Calls have no part in it. */
import type { AttemptLayer } from '../../core/pipeline.js';
import type { PolicyContext } from '../../core/policy.js';
import type { Notices } from '../../core/store.js';
import type { Circuit } from './circuit.js';
import type { Finding } from './states.js';

/** How long a closing is there to be read, in ms: replicas look several times a second. */
const CLOSING_MS = 10_000;

export interface CircuitBreakerLayer extends AttemptLayer {
  readonly circuit: Circuit;
  /** Undefined where the circuit is for itself. */
  readonly sharing: Sharing | undefined;
}

/** Belongs to a circuit, also over reloads: what it has heard once it does not hear again. */
export class Sharing {
  readonly #circuit: Circuit;
  readonly #name: string;
  readonly #createToken: () => string;
  /** Tokens of findings: its own, and the last one of another. */
  #own: string | undefined;
  #heard: string | undefined;

  constructor(circuit: Circuit, { upstream, route, createToken }: PolicyContext) {
    this.#circuit = circuit;
    this.#name = `circuit:${upstream}/${route}`;
    this.#createToken = createToken;
  }

  /** @returns what ends the listening. */
  start(notices: Notices): () => void {
    this.#circuit.onFinding = (finding) => {
      this.#own = this.#createToken();
      const text = JSON.stringify({ token: this.#own, ...finding });
      notices.tell(this.#name, text, finding.kind === 'open' ? finding.recoveryMs : CLOSING_MS);
    };
    return notices.follow(this.#name, (text, leftMs) => this.#hear(text, leftMs));
  }

  #hear(text: string, leftMs: number): void {
    const told = readFinding(text);
    if (told === undefined || told.token === this.#own || told.token === this.#heard) return;
    this.#heard = told.token;
    this.#circuit.hear(told, leftMs);
  }
}

/** @returns undefined for anything that no circuit has told: others may use the same server. */
function readFinding(text: string): (Finding & { readonly token: string }) | undefined {
  let value: Partial<Record<'token' | 'kind' | 'recoveryMs' | 'why', unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { token, kind, recoveryMs, why } = value;
  if (typeof token !== 'string') return undefined;
  if (kind === 'closed') return { token, kind };
  const isOpening =
    kind === 'open' && typeof why === 'string' && typeof recoveryMs === 'number' && recoveryMs > 0;
  return isOpening ? { token, kind, why, recoveryMs } : undefined;
}
