/** Checks of how endpoints are chosen and checked, where the schema cannot tell: a value may come from an earlier layer. */
import { balance } from '../../upstream/balance/options.js';
import { healthCheckAlternatives } from '../../upstream/health/options.js';
import { isMisspelt, type Findings } from '../syntax/diagnostics.js';
import { entriesOf, entryOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';
import { child, keyPlaces, layersInForce, upstreamPlaces, type Place } from './source-paths.js';

/** Reports a hash without a key, and health checks that do not know what to ask for. */
export function checkEndpointKeys(root: SourceNode, findings: Findings): void {
  for (const place of keyPlaces(root, 'healthCheck')) checkAlternatives(place, findings);
  for (const upstream of upstreamPlaces(root)) {
    checkHash(layersInForce(root, upstream, 'balance'), findings);
    checkHealthCheck(layersInForce(root, upstream, 'healthCheck'), findings);
  }
}

const keysOf = ({ node }: Place) => [...entriesOf(node).keys()];

function checkHash(layers: readonly Place[], findings: Findings): void {
  const strategy = layers.map((layer) => child(layer, 'strategy')).find((found) => found);
  if (strategy === undefined || textOf(strategy.node) !== 'hash') return;
  const known = Object.keys(balance.properties);
  const hasKey = layers.some(
    (layer) => valueOf(layer.node, 'key') !== undefined || isMisspelt('key', keysOf(layer), known),
  );
  if (hasKey) return;
  const message =
    '`hash` needs `balance.key`, which says what of a request it goes by; write key: { header: X-User-Id }, key: { cookie: NAME } or key: path beside it';
  findings.error('hash-key', strategy.node.position, strategy.path, message);
}

function checkAlternatives(written: Place, findings: Findings): void {
  const [first, second] = healthCheckAlternatives
    .map((name) => ({ name, entry: entryOf(written.node, name) }))
    .filter(({ entry }) => entry !== undefined);
  if (second === undefined) return;
  const message = `cannot stand beside \`${first!.name}\`; keep \`path\` for HTTP, or \`grpc\` for grpc.health.v1`;
  findings.error('health-check', second.entry!.key, [...written.path, second.name], message);
}

/** @param layers the strongest first. */
function checkHealthCheck(layers: readonly Place[], findings: Findings): void {
  const [strongest] = layers;
  if (strongest === undefined) return;
  const known = [...healthCheckAlternatives, 'interval', 'timeout', 'statuses'];
  const isTold = layers.some((layer) =>
    healthCheckAlternatives.some(
      (name) => entryOf(layer.node, name) !== undefined || isMisspelt(name, keysOf(layer), known),
    ),
  );
  const { node, path } = strongest;
  // Of anything else the schema has an error.
  const isOn = node.kind === 'scalar' && (node.value === 'on' || node.value === true);
  if (isTold || !(node.kind === 'map' || isOn)) return;
  const message =
    'needs `path` (requested with GET, such as path: /healthz) or `grpc` (the service that grpc.health.v1 is asked for; grpc: "" is the server as a whole)';
  findings.error('health-check', node.position, path, message);
}
