/** Starts the upstream of a measurement: nginx where there is one, for it costs least, otherwise a server of our own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAILING_SHARE, LARGE_BYTES, SMALL_BODY } from './responses.js';
import { findFreePort, output, type Program, type Programs } from './program.js';

export interface Upstream {
  readonly program: Program;
  readonly port: number;
  /** For the head of a report. */
  readonly description: string;
}

export async function startUpstream(
  programs: Programs,
  directory: string,
  core: number | undefined,
): Promise<Upstream> {
  const port = await findFreePort();
  const nginx = (await output('nginx', '-v'))?.trim().replace(/^.*: /, '');
  const isNginx = nginx !== undefined;
  if (isNginx) writeNginxFiles(directory, port);
  const command = isNginx
    ? { command: 'nginx', args: ['-p', directory, '-c', join(directory, 'upstream.conf')] }
    : { command: process.execPath, args: [scriptPath('upstream.js'), String(port)] };
  const program = await programs.start('upstream', { ...command, core, port });
  return { port, program, description: nginx ?? 'the server in bench/support' };
}

/** @param core that it stays on. */
export async function startGrpcUpstream(
  programs: Programs,
  core: number | undefined,
): Promise<Upstream> {
  const port = await findFreePort();
  const args = [scriptPath('grpc-upstream.js'), String(port)];
  const program = await programs.start('grpc-upstream', {
    command: process.execPath,
    args,
    core,
    port,
  });
  return { port, program, description: 'node:http2' };
}

export const scriptPath = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function writeNginxFiles(directory: string, port: number): void {
  writeFileSync(join(directory, 'large'), 'x'.repeat(LARGE_BYTES));
  writeFileSync(
    join(directory, 'upstream.conf'),
    `${nginxHead(directory, 'upstream')}
http {
  ${nginxHttp(directory)}
  split_clients "$request_id" $fails { ${FAILING_SHARE * 100}% 1; * 0; }
  open_file_cache max=10;
  sendfile on;
  default_type application/json;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${directory};
    location / { return 200 '${SMALL_BODY}'; }
    location = /large { }
    location = /flaky {
      if ($fails) { return 503 '{"error":"try again"}'; }
      return 200 '${SMALL_BODY}';
    }
    location = /fail { return 500 '{"error":"broken"}'; }
    location = /received { return 200 $http_content_length; }
  }
}
`,
  );
}

/** One worker in the foreground that leaves nothing outside `directory`. */
export const nginxHead = (directory: string, name: string) => `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${join(directory, `${name}.pid`)};
error_log stderr crit;
events { worker_connections 32768; multi_accept on; }`;

export const nginxHttp = (directory: string) => `access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  tcp_nodelay on;
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};`;
