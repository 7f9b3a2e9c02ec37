/** The addresses of all targets of an upstream: those that are written there, and those that their names have now. */
import type { Clock, Timer } from '../../core/clock.js';
import type { EmitOf } from '../../core/events.js';
import type { Target, WeightedTarget } from '../../core/model.js';
import type { Names } from '../../outbound/names/names.js';
import { nameOf } from '../../outbound/names/target-addresses.js';
import type { NameResolved } from '../instruments.js';
import { formatEndpoint } from './format-endpoint.js';
import { FollowedName } from './followed-name.js';
import type { ResolveOptions } from './options.js';

/** One endpoint as discovery finds it. */
export interface Discovered extends WeightedTarget {
  /** Unique among those of the upstream: `10.0.0.1:8080`, `[::1]:8080`, the path of a socket, or a name with its port. */
  readonly address: string;
  /** What connections go to; undefined for the addresses of the target's name, as the system gives them. */
  readonly dialled: string | undefined;
}

export interface DiscoveryContext {
  readonly clock: Clock;
  readonly names: Names;
  readonly emit: EmitOf<NameResolved>;
  /** The endpoints are not those before. */
  onChange(): void;
}

/** Names are looked up as long as there was a call within this many times the refresh interval. */
const IDLE_REFRESHES = 10;

/** After a failed connection, names are looked up at once, but not more often than this, in ms. */
const NUDGE_MS = 1000;

/** Static where no target has a name: it then looks nothing up and has no timer. */
export class Discovery {
  readonly #targets: readonly WeightedTarget[];
  readonly #options: ResolveOptions;
  readonly #context: DiscoveryContext;
  /** By target; undefined where there is nothing to follow. */
  readonly #followed: ReadonlyMap<Target, FollowedName>;
  #usedMs = -Infinity;
  #nudgedMs = -Infinity;
  #timer: Timer | undefined;
  #isStopped = false;

  /** @param known names whose addresses may be used at once, although they were found some time ago. */
  constructor(
    targets: readonly WeightedTarget[],
    options: ResolveOptions,
    context: DiscoveryContext,
    known: ReadonlySet<string>,
  ) {
    this.#targets = targets;
    this.#options = options;
    this.#context = context;
    const nowMs = context.clock.now();
    const followed = new Map<Target, FollowedName>();
    for (const { target } of targets) {
      const name = options.addresses === 'all' ? nameOf(target) : undefined;
      if (name === undefined) continue;
      const source = context.names.get(name);
      const isFresh = nowMs - source.foundMs < options.refresh;
      followed.set(target, new FollowedName(name, source, context, known.has(name) || isFresh));
    }
    this.#followed = followed;
  }

  /** The names that it has found addresses of. */
  get known(): ReadonlySet<string> {
    const found = [...this.#followed.values()].filter(({ addresses }) => addresses.length > 0);
    return new Set(found.map(({ name }) => name));
  }

  /** Looks names up from time to time: `touch` has to be called. */
  get isDynamic(): boolean {
    return this.#followed.size > 0;
  }

  /** As far as they are known, in the order of the targets; an address that two of them have belongs to the first. */
  list(): Discovered[] {
    const found = new Map<string, Discovered>();
    for (const { target, weight } of this.#targets) {
      const name = this.#followed.get(target);
      const hosts = name?.addresses ?? [target.socketPath ?? target.host];
      const isDialledByName = this.#options.addresses === 'first' && nameOf(target) !== undefined;
      for (const host of hosts) {
        const address = formatEndpoint(target, host);
        const dialled = isDialledByName ? undefined : host;
        if (!found.has(address)) found.set(address, { address, target, weight, dialled });
      }
    }
    return [...found.values()];
  }

  /** To be called at each use. */
  touch(nowMs: number): void {
    this.#usedMs = nowMs;
    if (this.#timer !== undefined || this.#isStopped) return;
    const { refresh } = this.#options;
    for (const name of this.#followed.values())
      if (name.isOlder(refresh, nowMs)) void this.#look(name);
    this.#timer = this.#context.clock.schedule(refresh, this.#onTimer);
  }

  /** An endpoint could not be connected to: its name may have moved. */
  nudge(): void {
    const nowMs = this.#context.clock.now();
    if (nowMs - this.#nudgedMs < NUDGE_MS || this.#isStopped) return;
    this.#nudgedMs = nowMs;
    for (const name of this.#followed.values()) void this.#look(name);
  }

  /**
   * Looks up all names. Resolves as soon as one of them has an address, or when all have ended; never rejects.
   * @returns why there is no address, if there is none.
   */
  async find(): Promise<Error | undefined> {
    const names = [...this.#followed.values()];
    const lookUps = names.map((name) => this.#look(name));
    await Promise.any(lookUps.map(failUnlessFound)).catch(() => {});
    if (names.some(({ addresses }) => addresses.length > 0)) return undefined;
    return (
      names.find(({ error }) => error !== undefined)?.error ?? new Error('there is no address')
    );
  }

  /** Looks nothing up any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  readonly #onTimer = (): void => {
    const { clock } = this.#context;
    const { refresh } = this.#options;
    this.#timer = undefined;
    if (clock.now() - this.#usedMs > IDLE_REFRESHES * refresh) return;
    for (const name of this.#followed.values()) void this.#look(name);
    this.#timer = clock.schedule(refresh, this.#onTimer);
  };

  /** @returns the name, when it has been looked up. */
  async #look(name: FollowedName): Promise<FollowedName> {
    const hasChanged = await name.look();
    if (hasChanged && !this.#isStopped) this.#context.onChange();
    return name;
  }
}

async function failUnlessFound(lookUp: Promise<FollowedName>): Promise<void> {
  const { addresses } = await lookUp;
  if (addresses.length === 0) throw new Error('not found');
}
