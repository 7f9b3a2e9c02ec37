/** Values as other programs write them, in this file's notation; undefined where they have none. */
import type { BalanceStrategy } from '../../upstream/balance/options.js';
import type { SourceNode } from '../syntax/source.js';
import { formatQuantity, parseDuration, suggestQuantities } from './units.js';

export type ForeignReader = (node: SourceNode) => string | undefined;

/** Key -> the option, and how its value is read. */
export type ForeignTable = Readonly<
  Record<string, readonly [option: string, read?: ForeignReader]>
>;

function textOf(node: SourceNode): string | undefined {
  if (node.kind !== 'scalar' || node.value === null) return undefined;
  const text = String(node.value).trim();
  return text === '' ? undefined : text;
}

function numberOf(node: SourceNode): number | undefined {
  const text = textOf(node);
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

export const asCount: ForeignReader = (node) => numberOf(node)?.toString();

export const asPerSecond: ForeignReader = (node) => {
  const count = numberOf(node);
  return count === undefined || count === 0 ? undefined : `${count}/s`;
};

/** Without the first attempt, which `maxAttempts` counts. */
export const asRetries: ForeignReader = (node) => {
  const retries = numberOf(node);
  return retries === undefined || !Number.isInteger(retries) ? undefined : `${retries + 1}`;
};

const asDuration =
  (toMs: (amount: number) => number): ForeignReader =>
  (node) => {
    const amount = numberOf(node);
    const text = textOf(node) ?? '';
    const written =
      amount === undefined
        ? (suggestQuantities('duration', text)[0] ?? text)
        : formatQuantity('duration', toMs(amount));
    // 0 is `off` there, or nothing at all.
    return (parseDuration(written) ?? 0) > 0 ? written : undefined;
  };

/** A number without a unit is in seconds. */
export const asSeconds = asDuration((amount) => amount * 1000);
export const asMilliseconds = asDuration((amount) => amount);

const showShare = (share: number | undefined) =>
  share === undefined || share <= 0 || share > 1 ? undefined : formatQuantity('share', share);

/** `50`, `50%`, or `{ value: 50 }`. */
export const asPercent: ForeignReader = (node) => {
  const part = node.kind === 'map' ? node.entries.get('value')?.value : node;
  const text = part === undefined ? undefined : textOf(part)?.replace(/\s*%$/, '');
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text)
    ? showShare(Number(text) / 100)
    : undefined;
};

/** `0.5` */
export const asRatio: ForeignReader = (node) => showShare(numberOf(node));

const SIZE_UNITS: Readonly<Record<string, string>> = { '': 'B', k: 'KiB', m: 'MiB', g: 'GiB' };

/** `10m`; a number without a unit is in bytes. */
export const asSize: ForeignReader = (node) => {
  const found = /^(\d+)([kmg]?)$/i.exec(textOf(node) ?? '');
  if (found === null || Number(found[1]) === 0) return undefined;
  return `${found[1]}${SIZE_UNITS[found[2]!.toLowerCase()]}`;
};

export const asKibibytes: ForeignReader = (node) => {
  const amount = numberOf(node);
  return amount === undefined || amount === 0 ? undefined : `${amount}KiB`;
};

/** Of whole numbers. */
export const asList: ForeignReader = (node) => {
  if (node.kind !== 'list') return undefined;
  const items = node.items.map(asCount);
  return items.includes(undefined) ? undefined : `[${items.join(', ')}]`;
};

const isTrue = (text: string) => /^(?:true|on|yes)$/i.test(text);
const isFalse = (text: string) => /^(?:false|off|no)$/i.test(text);

export const asBoolean: ForeignReader = (node) => {
  const text = textOf(node) ?? '';
  if (isTrue(text)) return 'true';
  return isFalse(text) ? 'false' : undefined;
};

export const asInverse: ForeignReader = (node) => {
  const text = textOf(node) ?? '';
  if (isTrue(text)) return 'false';
  return isFalse(text) ? 'true' : undefined;
};

export const asJitter: ForeignReader = (node) => {
  const text = textOf(node) ?? '';
  if (isTrue(text)) return 'full';
  return isFalse(text) ? 'none' : undefined;
};

/** Of a switch for trying something without effect. */
export const asShadow: ForeignReader = (node) => {
  const text = textOf(node) ?? '';
  if (isTrue(text)) return 'shadow';
  return isFalse(text) ? 'enforce' : undefined;
};

/** Names, files and addresses, which are the same in every program. */
export const asWord: ForeignReader = (node) => {
  const text = textOf(node);
  return text === undefined || /[\s#$]/.test(text) ? undefined : text;
};

/** `consecutiveFailures >= 5`, as an expression. */
export const asTrip: ForeignReader = (node) => {
  const found = /^consecutiveFailures\s*(>=?)\s*(\d+)$/i.exec(textOf(node) ?? '');
  return found === null ? undefined : `${Number(found[2]) + (found[1] === '>' ? 1 : 0)}`;
};

/** Names of ways to choose an endpoint, without spaces, hyphens and underscores. */
const strategies: Readonly<Record<string, BalanceStrategy>> = {
  leastrequest: 'least-request',
  leastconn: 'least-request',
  leastconnections: 'least-request',
  leasttime: 'least-request',
  peakewma: 'least-request',
  p2c: 'least-request',
  roundrobin: 'round-robin',
  weightedroundrobin: 'round-robin',
  staticrr: 'round-robin',
  rr: 'round-robin',
  wrr: 'round-robin',
  random: 'random',
  hash: 'hash',
  ringhash: 'hash',
  maglev: 'hash',
  consistenthash: 'hash',
  consistent: 'hash',
  iphash: 'hash',
  uri: 'hash',
  source: 'hash',
};

export const asStrategy: ForeignReader = (node) => {
  const text = (textOf(node) ?? '').toLowerCase().replaceAll(/[\s_-]/g, '');
  return Object.hasOwn(strategies, text) ? strategies[text] : undefined;
};

/** `/healthz`, or the request line `GET /healthz`. */
export const asCheckPath: ForeignReader = (node) =>
  /^(?:[A-Z]+\s+)?(\/[!"$-~]*)/.exec(textOf(node) ?? '')?.[1];
