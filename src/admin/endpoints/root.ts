/** `GET /`: the live page for browsers, a list of the endpoints for other clients. `GET /page/FILE`: its parts. */
import { readFileSync } from 'node:fs';
import type { FastifyReply } from 'fastify';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { pageFiles, placeOfPage } from '../page-files.js';
import { AdminError } from '../problem.js';

/** Only files of this server, nothing inline, and no frame around the page. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const safety = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Read at the first request: most processes never show the page. */
const contents = new Map<string, Buffer>();

function send(reply: FastifyReply, place: string, type: string): FastifyReply {
  let content = contents.get(place);
  if (content === undefined) contents.set(place, (content = readFileSync(place)));
  return reply.headers(safety).type(type).send(content);
}

/** @param list all endpoints. */
export function rootEndpoint(
  { version }: AdminContext,
  list: () => readonly AdminEndpoint[],
): AdminEndpoint {
  return {
    method: 'GET',
    path: '/',
    title: '/',
    access: 'read',
    respond(request, reply) {
      reply.header('Vary', 'Accept');
      const { accept = '' } = request.headers;
      if (accept.includes('text/html')) {
        return send(reply, placeOfPage(), 'text/html; charset=utf-8');
      }
      return {
        name: 'breakwater',
        version,
        endpoints: list().map(({ method, title, access }) => ({ method, path: title, access })),
      };
    },
  };
}

export function pageEndpoint(): AdminEndpoint {
  return {
    method: 'GET',
    path: '/page/:file',
    title: '/page/FILE',
    access: 'read',
    respond(request, reply) {
      const { file } = request.params as { file: string };
      const found = pageFiles.get(file);
      if (found === undefined) {
        throw new AdminError(404, `Cannot show ${file} because the page has no such file`);
      }
      return send(reply, found.place(), found.type);
    },
  };
}
