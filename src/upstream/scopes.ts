/** The pipelines of an upstream: its own, and one for each of its routes. */
import type { Emit, EmitOf } from '../core/events.js';
import type { InspectableScope } from '../core/inspect.js';
import {
  createLayers,
  isShownAtOnce,
  listLayers,
  listRequestFields,
  listResponseFields,
  ownLayers,
  retireLayers,
  type Layers,
} from '../core/layers.js';
import { compose, type AnyLayer } from '../core/pipeline.js';
import { RouteTable } from '../lib/path-tree.js';
import type { PolicySettings } from '../policies/index.js';
import type { OrderEnded } from './instruments.js';
import { Orders, type Order } from './orders.js';
import type { Scope } from './scope.js';
import type { ScopesContext } from './scopes-context.js';
import { pipelineOf } from './sibling.js';
import type { RouteOptions, UpstreamOptions } from './upstream-options.js';

/** A route, or the upstream itself. */
type Place = Pick<RouteOptions, 'name' | 'match' | 'policies'>;

const EVERYTHING = { methods: undefined, path: undefined };

export class Scopes {
  readonly #upstream: UpstreamOptions;
  readonly #context: ScopesContext;
  /** Of the upstream and of its routes. */
  readonly #settings: readonly PolicySettings[];
  /** Undefined until the first call: of a large file, most upstreams are idle. */
  #routes: RouteTable | undefined;
  /** Of the upstream by the file. */
  readonly #layers: Layers;
  readonly #emit: Emit;
  /** Undefined until the first call, as the table of routes is. */
  #own: Scope | undefined;
  /** By the route's number; undefined until the first call, because most routes of a large file are idle. */
  readonly #routeScopes: (Scope | undefined)[];
  /**
   * The layers that a route has to itself by the file, or had before a reload until it is called again; by the route's
   * name.
   */
  readonly #ownRouteLayers = new Map<string, Layers>();
  /** Of the routes whose layers are those of this configuration, by name. */
  readonly #routeEmits = new Map<string, Emit>();
  readonly #shownAtOnce: ReadonlySet<RouteOptions>;
  readonly #orders: Orders;
  #inspectable: readonly InspectableScope[] = [];

  /** @param previous those before a reload: what their layers hold goes on, and so do orders. Stop them afterwards. */
  constructor(upstream: UpstreamOptions, context: ScopesContext, previous: Scopes | undefined) {
    this.#upstream = upstream;
    this.#context = context;
    const { policies } = context;
    const { routes } = upstream;
    this.#settings = [upstream, ...routes].map((each) => each.policies);
    this.#emit = context.emitFor(upstream.name, '');
    this.#layers = createLayers(
      policies,
      upstream.policies,
      this.#policyContext('', this.#emit),
      undefined,
      previous && previous.#layers,
    );
    this.#orders = new Orders(context.clock, (order) => this.#onOrderEnd(order));
    for (const { name } of routes) {
      const kept = previous && previous.#ownRouteLayers.get(name);
      if (kept !== undefined) this.#ownRouteLayers.set(name, kept);
    }
    this.#routeScopes = routes.map(() => undefined);
    this.#shownAtOnce = new Set(
      routes.filter(({ policies: own, writes }) => isShownAtOnce(policies, own, writes)),
    );
    for (const route of this.#shownAtOnce) this.#openLayers(route);
    const ordered = (previous && previous.#orders.list()) ?? [];
    const kept = ordered.filter(({ route }) => this.#has(route));
    for (const order of kept) this.#put(order, order.layer);
    if (kept.length > 0) this.#renew();
    else this.#inspectable = this.#listInspectable();
  }

  /** The first route that matches, or the upstream's own. */
  find(method: string, path: string): Scope {
    this.#routes ??= new RouteTable(this.#upstream.routes.map(({ match }) => match));
    const route = this.#routes.find(method, path);
    if (route === -1) return (this.#own ??= this.#createScope(this.#ownPlace, this.#emit));
    return (this.#routeScopes[route] ??= this.#openRoute(this.#upstream.routes[route]!));
  }

  /** Those that have something to show, the upstream's own first. */
  list(): readonly InspectableScope[] {
    return this.#inspectable;
  }

  /**
   * Puts settings in the place of those of the file, or ends that. Calls under way end by those that they began with.
   * @param route empty for the upstream's own, which its routes share unless they write the policy.
   * @param settings of the policy, decoded; undefined for those of the file.
   * @param forMs after which those of the file hold again.
   * @returns false for an unknown route.
   */
  order(policy: string, route: string, settings: unknown, forMs: number): boolean {
    if (!this.#has(route)) return false;
    if (settings === undefined) this.#orders.lift(route, policy);
    else this.#put({ policy, route, settings, endsAtMs: this.#context.clock.now() + forMs });
    this.#renew();
    return true;
  }

  /** No order ends any more, and no layer does anything besides calls. */
  stop(): void {
    this.#orders.stop();
    for (const layers of [this.#layers, ...this.#ownRouteLayers.values()]) retireLayers(layers);
  }

  get #ownPlace(): Place {
    return { name: '', match: EVERYTHING, policies: this.#upstream.policies };
  }

  #has(route: string): boolean {
    return route === '' || this.#upstream.routes.some(({ name }) => name === route);
  }

  #openRoute(route: RouteOptions): Scope {
    return this.#createScope(route, this.#openLayers(route));
  }

  /** Makes the layers of a route, unless that is done. @returns where its events go. */
  #openLayers({ name, policies, writes }: RouteOptions): Emit {
    const known = this.#routeEmits.get(name);
    if (known !== undefined) return known;
    const emit = this.#context.emitFor(this.#upstream.name, name);
    const layers = createLayers(
      this.#context.policies,
      policies,
      this.#policyContext(name, emit),
      { layers: this.#layers, writes },
      this.#ownRouteLayers.get(name),
    );
    this.#ownRouteLayers.set(name, ownLayers(this.#context.policies, policies, layers, writes));
    this.#routeEmits.set(name, emit);
    return emit;
  }

  #policyContext(route: string, emit: Emit) {
    const { clock, random, store, hash, createToken } = this.#context;
    return {
      upstream: this.#upstream.name,
      route,
      scopes: this.#settings,
      clock,
      random,
      emit,
      store,
      hash,
      createToken,
      pipelineOf: (other: string) => pipelineOf(() => this.#context.findUpstream(other), clock),
    };
  }

  #createScope({ name: route, match, policies: settings }: Place, emit: Emit): Scope {
    const { policies, createDispatch, enter, leave } = this.#context;
    const { name, prefix = '', preserveHost, earlyHints } = this.#upstream;
    const layers = this.#layersOf(route);
    const needs = this.#context.needs.of(settings);
    const dispatch = createDispatch(needs, listRequestFields(policies, layers), emit);
    return {
      upstream: name,
      route,
      pattern: match.path && (prefix === '/' ? match.path : prefix + match.path),
      stage: compose(listLayers(policies, layers), dispatch),
      emit,
      preserveHost,
      earlyHints,
      replayBytes: needs.replayBytes,
      ownRetryAfterMs: needs.ownRetryAfterMs,
      responseFields: listResponseFields(policies, layers),
      enter,
      leave,
    };
  }

  /** Those in force. @param route empty for the upstream's own. */
  #layersOf(route: string): Layers {
    const own = { ...this.#layers, ...this.#orders.layersOf('') };
    return route === '' ? own : { ...own, ...this.#ownLayersOf(route) };
  }

  /** What a route does not share with its upstream. */
  #ownLayersOf(route: string): Layers {
    return { ...this.#ownRouteLayers.get(route), ...this.#orders.layersOf(route) };
  }

  /** @param previous the layer of the same order before a reload. */
  #put({ policy, route, settings, endsAtMs }: Omit<Order, 'layer'>, previous?: AnyLayer): void {
    const { policies } = this.#context;
    const { name, routes, policies: own } = this.#upstream;
    const written = routes.find((each) => each.name === route)?.policies ?? own;
    const context = this.#policyContext(route, this.#context.emitFor(name, route));
    const layer = policies
      .find((each) => each.name === policy)!
      .create({ ...written, [policy]: settings }, { ...context, endsAtMs }, previous);
    this.#orders.put({ policy, route, settings, endsAtMs, layer });
  }

  /** Orders have changed. Exchanges hold on to their scopes, so those stay, with other pipelines. */
  #renew(): void {
    if (this.#own !== undefined) {
      Object.assign(this.#own, this.#createScope(this.#ownPlace, this.#emit));
    }
    for (const [i, route] of this.#upstream.routes.entries()) {
      const scope = this.#routeScopes[i];
      if (scope !== undefined) {
        Object.assign(scope, this.#createScope(route, scope.emit));
      } else if (this.#orders.has(route.name)) {
        this.#openLayers(route);
      }
    }
    this.#inspectable = this.#listInspectable();
  }

  #onOrderEnd({ policy, route }: Order): void {
    this.#renew();
    const emit: EmitOf<OrderEnded> = this.#context.emitFor(this.#upstream.name, route);
    emit({ type: 'order-ended', policy });
    this.#context.onOrderEnd?.();
  }

  #listInspectable(): readonly InspectableScope[] {
    const { name: upstream, routes } = this.#upstream;
    const shown = routes.filter(
      (route) => this.#shownAtOnce.has(route) || this.#orders.has(route.name),
    );
    return [
      { upstream, route: '', layers: this.#layersOf('') },
      ...shown.map(({ name }) => ({ upstream, route: name, layers: this.#ownLayersOf(name) })),
    ];
  }
}
