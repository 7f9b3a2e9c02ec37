/** What an endpoint of the admin server is, and what all of them may use. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Inspection, OrderSettings } from '../core/inspect.js';
import type { Live } from '../core/live.js';
import type { ReloadOutcome } from '../core/reload.js';

export interface AdminLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** @returns ms, for a text that has the notation of a duration. */
export type ParseDuration = (text: string) => number | undefined;

/** Checks and decodes what an operator sends as the settings of a policy. @returns them, or what is wrong. */
export type ReadSettings = (
  policy: string,
  written: unknown,
) => { readonly settings: unknown } | { readonly problem: string };

export interface AdminContext {
  readonly inspection: Inspection;
  /** What is sent depends on the `Accept` field of the request. */
  readonly metrics: {
    contentTypeFor(accept: string | undefined): string;
    exposition(accept: string | undefined): AsyncIterable<string | Buffer>;
  };
  readonly live: Live;
  readonly reload: () => Promise<ReloadOutcome>;
  readonly logger: AdminLogger;
  readonly parseDuration: ParseDuration;
  readonly readSettings: ReadSettings;
  readonly orderSettings: OrderSettings;
  readonly version: string;
}

export interface AdminEndpoint {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** As the router reads it. */
  readonly path: string;
  /** The path as it is shown in messages. */
  readonly title: string;
  /** `read`: every client that reaches the server may use it. `write`: only clients that may change the proxy. */
  readonly access: 'read' | 'write';
  respond(request: FastifyRequest, reply: FastifyReply): unknown;
}
