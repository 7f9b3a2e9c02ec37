/** Connects the live page: the sink that keeps its numbers, its stream, and what it shows of the process. */
import type { Config } from '../config/config.js';
import type { Clock } from '../core/clock.js';
import type { Inspection } from '../core/inspect.js';
import type { Explanation, Live } from '../core/live.js';
import type { PolicyList } from '../core/policy.js';
import type { ReloadOutcome } from '../core/reload.js';
import { LoopWatch } from '../platform/event-loop.js';
import { openMemoryReader } from '../platform/memory-limits.js';
import type { MemoryReading } from '../policies/overload/index.js';
import type { Sink } from '../telemetry/bus.js';
import { LintInForce, type LintConfig } from './lint-in-force.js';
import { createLive } from '../telemetry/stream/live.js';
import { Trends } from '../telemetry/stream/trends.js';

export interface LivePageOptions {
  readonly clock: Clock;
  readonly policies: PolicyList;
  readonly version: string;
  readonly inspection: Inspection;
  readonly config: () => Config;
  readonly state: () => string;
  /** Why calls are refused; undefined while none are. */
  readonly shedding: () => string | undefined;
  /** Why calls would be refused, where that is in shadow. */
  readonly wouldShed: () => string | undefined;
  readonly lint?: LintConfig;
  readonly explain?: (config: Config, upstream: string, request: string | undefined) => Explanation;
}

/** Shown of the diagnostics of a reload, and of those of the configuration in force. */
const MOST_DIAGNOSTICS = 20;

export class LivePage {
  readonly sink: Sink;
  readonly live: Live;
  readonly #options: LivePageOptions;
  readonly #trends: Trends;
  readonly #loop = new LoopWatch();
  readonly #lint: LintInForce;
  readonly #startedAt: string;
  #configuredAt: string;
  #isWatched = false;
  #lastReload: object | null = null;
  /** Opened by the first viewer. */
  #readMemory: (() => MemoryReading) | undefined;

  constructor(options: LivePageOptions) {
    this.#options = options;
    const { clock, policies, inspection } = options;
    this.#lint = new LintInForce(
      options.lint ?? (() => Promise.resolve(undefined)),
      MOST_DIAGNOSTICS,
    );
    this.#startedAt = this.#now();
    this.#configuredAt = this.#startedAt;
    this.#trends = new Trends({ clock, policies });
    this.sink = this.#trends;
    const live = createLive({
      clock,
      inspection,
      trends: this.#trends,
      describeProcess: () => ({ ...this.#describe(), viewers: live.viewers }),
      onWatched: (isWatched) => {
        this.#loop.isOn = isWatched;
        this.#isWatched = isWatched;
        if (isWatched) void this.#lint.want(options.config());
      },
      explain: (upstream, request) =>
        options.explain?.(options.config(), upstream, request) ?? {
          problem: 'where its values are from is not known',
        },
    });
    this.live = live;
  }

  noteConfig(): void {
    this.#configuredAt = this.#now();
    if (this.#isWatched) void this.#lint.want(this.#options.config());
    this.#trends.keepOnly(this.#options.inspection.upstreams().map(({ name }) => name));
  }

  noteReload(outcome: ReloadOutcome): void {
    this.#lastReload = { at: this.#now(), ...shorten(outcome) };
  }

  /** Viewers end with the admin server's connections. */
  close(): void {
    this.#trends.close();
  }

  #now(): string {
    return new Date(this.#options.clock.wallNow()).toISOString();
  }

  #describe(): object {
    const { version, config, state, shedding, wouldShed } = this.#options;
    this.#readMemory ??= openMemoryReader();
    const { file, hash, admin } = config();
    const loop = this.#loop.read();
    return {
      version,
      state: state(),
      startedAt: this.#startedAt,
      config: { file, hash, appliedAt: this.#configuredAt, lint: this.#lint.read(config()) },
      needsToken: admin.token !== undefined,
      lastReload: this.#lastReload,
      eventLoop: loop === undefined ? null : roundLoop(loop),
      memory: this.#readMemory(),
      shedding: shedding() ?? null,
      wouldShed: wouldShed() ?? null,
    };
  }
}

const roundLoop = ({ busy, delayMs }: { busy: number; delayMs: number }) => ({
  busy: Number(busy.toFixed(3)),
  delayMs: Math.round(delayMs),
});

/** What the page shows of it: not each key of a large change. */
function shorten(outcome: ReloadOutcome): object {
  switch (outcome.kind) {
    case 'success': {
      const { added, removed, changed } = outcome.changes;
      const counts = { added: added.length, removed: removed.length, changed: changed.length };
      return { result: 'success', changes: counts };
    }
    case 'invalid': {
      const { diagnostics } = outcome;
      const left = Math.max(0, diagnostics.length - MOST_DIAGNOSTICS);
      return { result: 'invalid', diagnostics: diagnostics.slice(0, MOST_DIAGNOSTICS), left };
    }
    case 'unbindable':
      return { result: 'unbindable', message: outcome.message };
  }
}
