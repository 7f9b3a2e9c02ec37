/** The HTTP/2 connections to one endpoint: requests share one of them until its streams are used up. */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.js';
import {
  ClientClosed,
  NOT_CONNECTED,
  type ClientOptions,
  type HttpClient,
  type OutboundRequest,
  type ResponseHandler,
} from '../client.js';
import { createDial, type Dial } from '../connect/dial.js';
import { keepMs } from '../connect/keep-alive.js';
import { Opening } from '../connect/opening.js';
import type { ClientContext } from '../client-context.js';
import { TargetAddresses } from '../names/target-addresses.js';
import { Session, type SessionKeeper } from './session.js';

/** How often unused sessions are looked for, in ms. */
const SWEEP_MS = 1000;

/** After this long without a stream, in ms, a session is read once more before it is used: its end may be waiting there. */
const FRESH_MS = 100;

interface Waiting {
  readonly request: OutboundRequest;
  readonly handler: ResponseHandler;
}

const closed = () => new ClientClosed('the connections are closed');

export class SessionPool implements HttpClient, SessionKeeper {
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #addresses: TargetAddresses;
  readonly #dial: Dial;
  readonly #maxAgeMs: number;
  readonly #onOpenFailed: () => void;
  /** In the order of their opening: the first one with room is used, so that surplus ones become idle. */
  #sessions: readonly Session[] = [];
  /** Also those that take no new streams. */
  readonly #all = new Set<Session>();
  readonly #openings = new Set<Opening<Session>>();
  #waiting: Waiting[] = [];
  /** How many streams the latest session was allowed. */
  #limit = Infinity;
  #sweep: Timer | undefined;
  #isReleased = false;
  #isClosed = false;

  /** @param onOpenFailed no connection could be opened. */
  constructor(
    options: ClientOptions,
    { clock, names, claimDescriptor }: ClientContext,
    onOpenFailed: () => void = () => {},
  ) {
    this.#onOpenFailed = onOpenFailed;
    this.#options = options;
    this.#clock = clock;
    this.#addresses = new TargetAddresses(options.target, options.address, names);
    this.#dial = createDial(options.target, options.tls, claimDescriptor, ['h2']);
    this.#maxAgeMs = options.maxAgeMs === 'off' ? Infinity : options.maxAgeMs;
  }

  dispatch(request: OutboundRequest, handler: ResponseHandler): void {
    if (this.#isClosed) return handler.onFailure(closed(), NOT_CONNECTED);
    const nowMs = this.#clock.now();
    this.#addresses.touch(nowMs);
    const session = this.#find(nowMs);
    if (session === undefined) {
      this.#waiting.push({ request, handler });
      this.#openMore();
    } else if (!session.isIdle || nowMs - session.idleSinceMs < FRESH_MS) {
      session.send(request, handler);
    } else {
      // Sockets are read between the two.
      setImmediate(() => setImmediate(() => this.#lend(session, request, handler)));
    }
  }

  release(): void {
    this.#isReleased = true;
    for (const session of this.#sessions) session.retire();
  }

  destroy(): void {
    this.#isClosed = true;
    this.#sweep?.cancel();
    for (const opening of this.#openings) opening.fail(closed());
    for (const session of this.#all) session.destroy(closed());
  }

  /** Takes over a socket that is open. @param onReady as of `Session.begin`. */
  begin(address: string, socket: Socket, onReady: (error?: Error) => void): Session {
    const session = this.#create(address);
    session.begin(socket, onReady);
    this.#all.add(session);
    return session;
  }

  /** A session that `begin` has begun is ready. */
  add(session: Session): void {
    // The other side may have taken its limit back since.
    if (session.limit > 0) this.#limit = session.limit;
    this.#sessions = [...this.#sessions, session];
    this.onRoom(session);
  }

  onUnsent(request: OutboundRequest, handler: ResponseHandler): void {
    this.dispatch(request, handler);
  }

  onRoom(session: Session): void {
    const nowMs = this.#clock.now();
    while (this.#waiting.length > 0 && session.hasRoomAt(nowMs)) {
      const { request, handler } = this.#waiting.shift()!;
      if (!handler.isOver) session.send(request, handler);
    }
    if (!session.isIdle) return;
    if (this.#isReleased) session.retire();
    else this.#sweep ??= this.#clock.schedule(SWEEP_MS, this.#onSweep);
  }

  onGone(session: Session): void {
    this.#sessions = this.#sessions.filter((each) => each !== session);
    if (session.isLost) this.#all.delete(session);
  }

  #find(nowMs: number): Session | undefined {
    for (const session of this.#sessions) {
      if (!this.#isUsable(session, nowMs)) session.retire();
      else if (session.hasRoomAt(nowMs)) return session;
    }
    return undefined;
  }

  #isUsable({ openedAtMs, address, isIdle, idleSinceMs }: Session, nowMs: number): boolean {
    if (isIdle && nowMs - idleSinceMs >= keepMs(undefined)) return false;
    return nowMs - openedAtMs < this.#maxAgeMs && !this.#addresses.isGone(address);
  }

  #lend(session: Session, request: OutboundRequest, handler: ResponseHandler): void {
    if (handler.isOver) return;
    if (session.hasRoomAt(this.#clock.now())) session.send(request, handler);
    else this.dispatch(request, handler);
  }

  #create(address: string): Session {
    const { target, maxHeaderSize } = this.#options;
    return new Session(
      { target, clock: this.#clock, maxHeaderBytes: maxHeaderSize, address },
      this,
    );
  }

  /** As many connections as the waiting requests need, as far as is known what one can carry. */
  #openMore(): void {
    this.#waiting = this.#waiting.filter(({ handler }) => !handler.isOver);
    // One that fails at once, as without a descriptor, takes requests with it.
    while (this.#openings.size < this.#needed) this.#open();
  }

  get #needed(): number {
    const { length } = this.#waiting;
    return this.#limit === Infinity ? Math.min(1, length) : Math.ceil(length / this.#limit);
  }

  #open(): void {
    const opening = new Opening<Session>({
      clock: this.#clock,
      addresses: this.#addresses,
      timeoutMs: this.#options.connectTimeoutMs,
      connect: (address, onOpen) => {
        const session = this.#create(address);
        session.open(this.#dial, onOpen);
        this.#all.add(session);
        return session;
      },
      isWanted: () => this.#waiting.some(({ handler }) => !handler.isOver),
      onOpen: (session) => {
        this.#openings.delete(opening);
        this.add(session);
        if (this.#waiting.length > 0) this.#openMore();
      },
      onFailure: (error) => {
        this.#openings.delete(opening);
        this.#onOpenFailed();
        this.#failWaiting(error);
      },
    });
    this.#openings.add(opening);
    opening.start();
  }

  /** Those that no other opening can be for. */
  #failWaiting(error: Error): void {
    const { size } = this.#openings;
    const failed = this.#waiting.splice(size === 0 ? 0 : size * this.#limit);
    for (const { handler } of failed) if (!handler.isOver) handler.onFailure(error, NOT_CONNECTED);
  }

  readonly #onSweep = (): void => {
    this.#sweep = undefined;
    const nowMs = this.#clock.now();
    for (const session of this.#sessions) {
      if (session.isIdle && !this.#isUsable(session, nowMs)) session.retire();
    }
    if (this.#sessions.some(({ isIdle }) => isIdle)) {
      this.#sweep = this.#clock.schedule(SWEEP_MS, this.#onSweep);
    }
  };
}
