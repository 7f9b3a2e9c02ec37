/** One upstream at run time: its endpoints, and a pipeline for itself and for each of its routes. */
import { CallError, type CallFailure } from '../core/errors.js';
import { isAttemptFinished, type AttemptFinished, type Emit, type Event } from '../core/events.js';
import type { InspectableScope, InspectableUpstream } from '../core/inspect.js';
import type { Off } from '../core/options.js';
import { createDispatch } from '../outbound/dispatch.js';
import { EndpointSet } from './endpoint-set.js';
import { Lifetime } from './lifetime.js';
import type { Scope } from './scope.js';
import type { ScopesContext } from './scopes-context.js';
import { Scopes } from './scopes.js';
import { Tunnels } from './tunnels.js';
import type { Sibling, UpstreamContext, UpstreamOptions } from './upstream-options.js';

export class Upstream implements Sibling {
  readonly name: string;
  readonly lifetime: Lifetime;
  readonly #options: UpstreamOptions;
  readonly #context: UpstreamContext;
  readonly #endpoints: EndpointSet;
  readonly #scopes: Scopes;
  readonly #tunnels: Tunnels;
  #lastError: InspectableUpstream['lastError'];

  /**
   * @param previous the upstream of that name before a reload: its circuits, windows, budgets, bulkheads and tunnels go
   *   on, and so do its endpoints by their addresses. Retire it when this one has taken over.
   */
  constructor(options: UpstreamOptions, context: UpstreamContext, previous?: Upstream) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    const settings = [options, ...options.routes].map(({ policies }) => policies);
    const needs = settings.map((policies) => context.needs.of(policies));
    this.#endpoints = new EndpointSet(
      {
        ...options,
        connectTimeoutMs: longest(needs.map(({ connectMs }) => connectMs)),
        maxHeaderSize: context.maxHeaderSize,
      },
      { ...context, emit: context.emitFor(options.name, '') },
      previous && previous.#endpoints,
    );
    const elsewhere = [...new Set(needs.flatMap(({ upstreams }) => upstreams))];
    this.lifetime = new Lifetime(
      () => elsewhere.map((name) => context.findUpstream(name).lifetime),
      () => this.#endpoints.release(),
    );
    this.#tunnels = (previous && previous.#tunnels) ?? new Tunnels(context.clock);
    this.#lastError = previous && previous.#lastError;
    this.#scopes = new Scopes(options, this.#scopesContext(), previous && previous.#scopes);
  }

  /** The first route that matches, or the upstream's own. */
  scopeFor(method: string, path: string): Scope {
    return this.#scopes.find(method, path);
  }

  scopes(): readonly InspectableScope[] {
    return this.#scopes.list();
  }

  inspect(): InspectableUpstream {
    return {
      name: this.name,
      target: this.#endpoints.target,
      endpoints: this.#endpoints,
      tunnels: this.#tunnels.size,
      lastError: this.#lastError,
    };
  }

  /** As `Scopes.order`. */
  order(policy: string, route: string, settings: unknown, forMs: number): boolean {
    return this.#scopes.order(policy, route, settings, forMs);
  }

  /** Takes no new calls; closes its connections when those under way have ended. */
  retire(): void {
    this.#scopes.stop();
    this.#endpoints.retire();
    this.lifetime.retire();
  }

  /** Ends its tunnels. */
  closeTunnels(): void {
    this.#tunnels.closeAll();
  }

  /** Ends all tunnels and connections, idle or not; calls that still use them fail. */
  async close(): Promise<void> {
    this.#scopes.stop();
    this.#tunnels.closeAll();
    this.#endpoints.destroy();
  }

  #scopesContext(): ScopesContext {
    const { enter, leave } = this.lifetime;
    return {
      ...this.#context,
      emitFor: (upstream, route) => this.#watched(this.#context.emitFor(upstream, route)),
      createDispatch: ({ judge, tunnelIdleMs }, edits, emit) =>
        createDispatch({
          upstream: this.name,
          basePath: this.#options.targets[0]!.target.basePath,
          edits,
          destinations: this.#endpoints,
          judge,
          openTunnel: (client, upstream) => this.#tunnels.open(client, upstream, tunnelIdleMs),
          clock: this.#context.clock,
          emit,
        }),
      enter,
      leave,
    };
  }

  #watched(emit: Emit): Emit {
    return (event: Event) => {
      if (isAttemptFinished(event) && event.error !== undefined) this.#note(event, event.error);
      emit(event);
    };
  }

  #note({ isUpstreams }: AttemptFinished, error: CallFailure): void {
    if (error instanceof CallError && error.ownShortage) this.#context.onShortage(error.message);
    if (!isUpstreams) return;
    this.#lastError = { message: error.message, atWallMs: this.#context.clock.wallNow() };
  }
}

/** The longest of these limits, in ms; 0 if one of them is off. */
function longest(limits: readonly (number | Off)[]): number {
  return limits.includes('off') ? 0 : Math.max(...(limits as readonly number[]));
}
