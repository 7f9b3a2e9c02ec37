/** Where Envoy listens: its listeners, its admin address, and the limits of its listeners. */
import type { Draft } from '../draft.js';
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { readDuration } from './read.js';
import type { Manager, RouteUse } from './routes.js';
import { showDuration } from '../values.js';

interface Address {
  readonly text: string;
  readonly from: Foreign;
}

function readAddress(owner: Foreign): Address | undefined {
  const address = owner.get('address');
  const host = address?.at('socket_address', 'address');
  const port = address?.at('socket_address', 'port_value')?.text();
  const name = host?.text();
  if (host !== undefined && name !== undefined && port !== undefined) {
    address!.at('socket_address', 'protocol')?.use();
    return { text: `${name.includes(':') ? `[${name}]` : name}:${port}`, from: host };
  }
  const pipe = address?.at('pipe', 'path');
  const path = pipe?.text();
  return pipe === undefined || path === undefined
    ? undefined
    : { text: `unix:${path}`, from: pipe };
}

export function convertListeners(
  documents: readonly Foreign[],
  managers: readonly Manager[],
  uses: readonly RouteUse[],
  draft: Draft,
): void {
  for (const document of documents) {
    const admin = document.get('admin');
    const address = admin === undefined ? undefined : readAddress(admin);
    if (address !== undefined) draft.top.set('admin.listen', address.text, address.from);
  }
  const taken = new Set<string>();
  const clustersAt = new Map<Foreign, Set<string>>();
  for (const { listener, config } of managers) {
    const names = clustersAt.get(listener) ?? new Set();
    for (const use of uses) if (use.manager === config) names.add(use.cluster);
    clustersAt.set(listener, names);
    convertLimits(config, draft);
  }
  for (const [listener, names] of clustersAt) {
    listener.get('name')?.use();
    const address = readAddress(listener);
    if (address !== undefined) placeListener(address, names, taken, draft);
  }
}

/** The only cluster of a listener gets its address. */
function placeListener(
  { text, from }: Address,
  names: ReadonlySet<string>,
  taken: Set<string>,
  draft: Draft,
): void {
  const [name] = names;
  const part: Part | undefined = name === undefined ? undefined : draft.upstream(name);
  if (part !== undefined && names.size === 1 && !part.has('listen') && !taken.has(text)) {
    part.set('listen', text, from);
    taken.add(text);
    return;
  }
  const list = [...names].join(', ');
  draft.tell(
    names.size === 0
      ? `${from.origin}: no route of this listener leads to a cluster that is known here.`
      : `${from.origin}: the listener ${text} leads to ${list}, by host name and path. Here each upstream has its own port. To keep one port, set \`server.listen\` and give each upstream a \`prefix\` in place of \`listen\`.`,
  );
}

/** They hold for all listeners of Breakwater. */
function convertLimits(manager: Foreign, draft: Draft): void {
  const set = (path: string, value: string | number, from: Foreign) => {
    if (!draft.top.has(path)) draft.top.set(path, value, from);
    else draft.tell(`${from.origin}: \`${path}\` holds for all listeners; the first one stands.`);
  };
  const durations = [
    ['limits.headerTimeout', manager.get('request_headers_timeout')],
    ['limits.keepAlive', manager.at('common_http_protocol_options', 'idle_timeout')],
  ] as const;
  for (const [path, value] of durations) {
    const ms = readDuration(value);
    if (value === undefined || ms === undefined) continue;
    if (ms > 0) set(path, showDuration(ms), value);
    else draft.tell(`${value.origin}: it cannot be switched off here: see \`${path}\`.`);
  }
  const size = manager.get('max_request_headers_kb');
  const kibibytes = size?.number();
  if (size !== undefined && kibibytes !== undefined)
    set('limits.maxHeaderSize', `${kibibytes}KiB`, size);
}
