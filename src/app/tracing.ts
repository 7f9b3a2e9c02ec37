/** Switches tracing on, off and over as configurations come into force. */
import { isDeepStrictEqual } from 'node:util';
import { showUrl, type TracingConfig } from '../config/resolve/tracing.js';
import type { Clock, Random } from '../core/clock.js';
import type { PolicyList } from '../core/policy.js';
import type { Tracer } from '../core/span.js';
import type { Sink } from '../telemetry/bus.js';
import { createCollectorLog } from '../telemetry/log/collector.js';
import type { Logger } from '../telemetry/log/logger.js';
import type { CollectorTarget, Tracing } from '../telemetry/trace/tracing.js';
import type { LeftBehind } from './left-behind.js';

export interface TracesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly policies: PolicyList;
  readonly logger: Logger;
  readonly version: string;
  readonly countSpans: (result: 'exported' | 'dropped', spans: number) => void;
  readonly leftBehind: LeftBehind;
}

/** Time for the spans that wait at the end, in ms. */
const END_MS = 1000;

export class Traces {
  readonly #options: TracesOptions;
  readonly #log: ReturnType<typeof createCollectorLog>;
  /** Undefined until it is needed: a process without traces does not load what they need. */
  #create: ((target: CollectorTarget) => Tracing) | undefined;
  #tracing: Tracing | undefined;
  #config: TracingConfig | undefined;
  #problems: readonly string[] = [];
  /** Where spans went last: they may still go there while it is off, as calls under way end. */
  #target: CollectorTarget | undefined;
  #tracer: Tracer | undefined;

  constructor(options: TracesOptions) {
    this.#options = options;
    this.#log = createCollectorLog(options.logger, options.clock);
  }

  /** Undefined while it is off. */
  get tracer(): Tracer | undefined {
    return this.#tracer;
  }

  /** Undefined while it is off. */
  get sink(): Sink | undefined {
    return this.#config && this.#tracing?.sink;
  }

  /** Loads what the configuration needs, before it comes into force. */
  async prepare(config: TracingConfig | undefined): Promise<void> {
    if (config === undefined || this.#create !== undefined) return;
    const { Tracing } = await import('../telemetry/trace/tracing.js');
    const { clock, random, policies, version, countSpans } = this.#options;
    const onOutcome = (why: string | undefined) => this.#log(showUrl(this.#target!.url), why);
    const context = { clock, random, policies, version, countSpans, onOutcome };
    this.#create = (target) => new Tracing(target, context);
  }

  /**
   * After `prepare`.
   * @param offBecause what the environment says in vain.
   * @param graceMs time for the requests to a collector that is given up.
   */
  configure(
    config: TracingConfig | undefined,
    offBecause: readonly string[],
    graceMs: number,
  ): void {
    this.#config = config;
    this.#tell(config?.problems ?? offBecause);
    if (config === undefined) {
      this.#tracer = undefined;
      return;
    }
    const { sample, problems: _, ...target } = config;
    const { leftBehind } = this.#options;
    const isMoved = this.#tracing !== undefined && !isDeepStrictEqual(target, this.#target);
    this.#target = target;
    this.#tracing ??= this.#create!(target);
    if (isMoved) {
      const last = this.#tracing.moveTo(target);
      leftBehind.after(graceMs, () => last.close());
    }
    this.#tracer = this.#tracing.tracer(sample);
  }

  /** Once, until they are others. */
  #tell(problems: readonly string[]): void {
    if (isDeepStrictEqual(problems, this.#problems)) return;
    this.#problems = problems;
    for (const problem of problems) this.#options.logger.warn(problem);
  }

  /** Sends the spans that wait. */
  async end(): Promise<void> {
    await this.#tracing?.end(END_MS);
  }
}
