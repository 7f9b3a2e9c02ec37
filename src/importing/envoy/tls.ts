/** `transport_socket` of a cluster: TLS to the upstream. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import type { Machine } from '../system.js';

/** @returns whether there is TLS. */
export function convertTls(cluster: Foreign, part: Part, { hasFile }: Machine): boolean {
  const socket = cluster.get('transport_socket');
  const config = socket?.get('typed_config');
  const type = config?.get('@type')?.text() ?? '';
  if (socket === undefined || !type.endsWith('UpstreamTlsContext')) return false;
  socket.get('name')?.use();
  const sni = config!.get('sni');
  const name = sni?.text();
  if (sni !== undefined && name !== undefined && name !== '') part.set('tls.serverName', name, sni);
  const common = config!.get('common_tls_context');
  const ca = common?.at('validation_context', 'trusted_ca', 'filename');
  const [certificate] = common?.get('tls_certificates')?.items() ?? [];
  const files = [
    ['ca', ca],
    ['cert', certificate?.at('certificate_chain', 'filename')],
    ['key', certificate?.at('private_key', 'filename')],
  ] as const;
  const written = files.flatMap(([key, value]) => {
    const path = value?.text();
    return value === undefined || path === undefined ? [] : [{ key, value, path }];
  });
  // A file that is not there is an error in Breakwater, and the pair of certificate and key belongs together.
  const areThere = written.every(({ path }) => hasFile(path));
  for (const { key, value, path } of written) {
    if (areThere) part.set(`tls.${key}`, path, value);
    else
      part.note(
        `${value.origin}: the file is not here. Where it is, write \`tls.${key}: ${path}\`.`,
      );
  }
  if (ca === undefined) {
    part.note(
      'Without trusted_ca Envoy accepts any certificate. Breakwater verifies it by the authorities of the system; `tls.ca` names others.',
    );
  }
  return true;
}
