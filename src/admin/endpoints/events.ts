/** `GET /events`: the numbers of the live page as a stream of server-sent events, or once as JSON. */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Live } from '../../core/live.js';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { isOfOtherOrigin } from '../origin.js';
import { AdminError } from '../problem.js';

/** A client comes back after so long, in ms. */
const RETRY_MS = 2000;

/** Between comments that keep the connection alive, in ms, should there be no message. */
const HEARTBEAT_MS = 10_000;

function stream(live: Live, request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply;
  const { server } = request.server;
  const end = live.watch({
    isReady: () => !raw.writableNeedDrain,
    send(message) {
      // The admin address has moved: the client finds the new one, or the end.
      if (server.listening) raw.write(message);
      else raw.end();
    },
    drop: () => raw.destroy(),
  });
  if (end === undefined) {
    throw new AdminError(
      503,
      'Cannot stream to one more viewer because there are too many; close one, or read GET /events with Accept: application/json',
      { 'Retry-After': '10' },
    );
  }
  reply.hijack();
  const heartbeat = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(': still here\n\n');
  }, HEARTBEAT_MS);
  raw.on('close', () => {
    clearInterval(heartbeat);
    end();
  });
  raw.on('error', () => {});
  raw.writeHead(200, { ...reply.getHeaders(), 'Content-Type': 'text/event-stream' } as Record<
    string,
    string
  >);
  raw.write(`retry: ${RETRY_MS}\n\n`);
}

const wantsJson = ({ accept = '' }: FastifyRequest['headers']) =>
  accept.includes('application/json') && !accept.includes('text/event-stream');

export function eventsEndpoint({ live }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/events',
    title: '/events',
    access: 'read',
    respond(request, reply) {
      if (isOfOtherOrigin(request.headers)) {
        throw new AdminError(403, 'Cannot stream because the request comes from another web page');
      }
      if (wantsJson(request.headers)) {
        return reply.type('application/json; charset=utf-8').send(Readable.from(live.snapshot()));
      }
      // The length of a stream is not known (RFC 9110, section 8.6).
      if (request.method === 'HEAD') return reply.type('text/event-stream').send(Readable.from([]));
      stream(live, request, reply);
      return reply;
    },
  };
}
