/** Errors of the admin server: they carry an HTTP status and are sent as problem details (RFC 9457). */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

/** The message reads "Cannot X because Y". */
export class AdminError extends Error {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A refused write has a line in the log, but not each of very many that are alike. */
  readonly isLogged: boolean;

  constructor(
    statusCode: number,
    message: string,
    headers: Record<string, string> = {},
    { isLogged = true } = {},
  ) {
    super(message);
    this.name = 'AdminError';
    this.statusCode = statusCode;
    this.headers = headers;
    this.isLogged = isLogged;
  }
}

/** Errors of the HTTP framework become AdminErrors with the status that it gave them; all others are defects: 500. */
export function asAdminError(error: unknown): AdminError {
  if (error instanceof AdminError) return error;
  const { statusCode = 500, message } = error as { statusCode?: number; message: string };
  const why = message.charAt(0).toLowerCase() + message.slice(1);
  return new AdminError(statusCode, `Cannot handle the request because ${why}`);
}

export function sendProblem(reply: FastifyReply, error: AdminError): FastifyReply {
  const { statusCode: status, message: detail, headers } = error;
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail };
  // As bytes, or Fastify adds a charset, which this type does not have.
  const body = Buffer.from(JSON.stringify(problem));
  return reply.code(status).headers(headers).type('application/problem+json').send(body);
}
