/** One client's request as a call: as the policies see it, and with what only the transport needs. */
import type { IncomingMessage } from 'node:http';
import { Call } from '../core/call.js';
import type { Fields } from '../http/fields.js';
import { singleValue, type OutgoingHeaders } from './forward-headers.js';
import type { ReplayableBody } from './request-body.js';
import type { ForwardedCall } from '../outbound/dispatch.js';
import type { Scope } from '../upstream/upstream.js';

/** Whose request it is. */
export interface CallOwner {
  /** The same request as a call to another scope. */
  createCall(scope: Scope, path: string, body: ReplayableBody | undefined): ClientCall;
  sendInformational(status: number, statusText: string, headers: Fields): void;
}

/** The request as a call to one upstream. */
export class ClientCall extends Call implements ForwardedCall {
  declare readonly body: ReplayableBody | undefined;
  readonly upgrade: string | undefined;
  readonly outgoing: OutgoingHeaders;
  readonly #owner: CallOwner;
  /** Whose tunnel an upgraded connection becomes. */
  scope: Scope;

  constructor(
    owner: CallOwner,
    request: IncomingMessage,
    init: {
      scope: Scope;
      path: string;
      body: ReplayableBody | undefined;
      upgrade: string | undefined;
      outgoing: OutgoingHeaders;
      startedAtMs: number;
    },
  ) {
    const { headers } = request;
    const { deadlineHeader, idempotencyHeader, preserveHost } = init.scope;
    super({
      method: request.method!,
      path: init.path,
      host: preserveHost ? headers.host : undefined,
      headers: request.rawHeaders,
      body: init.body,
      deadlineHeader: deadlineHeader && singleValue(headers[deadlineHeader.lowerName]),
      hasIdempotencyKey: headers[idempotencyHeader] !== undefined,
      startedAtMs: init.startedAtMs,
    });
    this.upgrade = init.upgrade;
    this.outgoing = init.outgoing;
    this.scope = init.scope;
    this.#owner = owner;
  }

  forkFor(scope: Scope): ForwardedCall {
    // It may have to queue before its first try.
    this.body?.rewind();
    const fork = this.#owner.createCall(scope, this.path, this.body);
    fork.deadline = this.deadline;
    this.onCancel((error) => fork.cancel(error));
    this.scope = scope;
    return fork;
  }

  onInformational(status: number, statusText: string, headers: Fields): void {
    this.#owner.sendInformational(status, statusText, headers);
  }
}
