/** `trip`, a CEL expression over the counts of a circuit: the forms that Breakwater has as options. */
import { showShare } from '../values.js';

export interface TripRule {
  /** Failures in a row that open the circuit. */
  failures?: number;
  /** Share of failures that opens it, in the notation of the file. */
  rate?: string;
  minimumCalls?: number;
  notes?: string[];
}

const comparison = (text: string, left: string) => {
  const found = new RegExp(`^${left}(>=|>|==)(\\d+(?:\\.\\d+)?)$`).exec(text);
  return found === null ? undefined : { operator: found[1]!, bound: Number(found[2]) };
};

/** The least whole number that fulfils the comparison. */
const least = ({ operator, bound }: { operator: string; bound: number }) =>
  operator === '>' ? Math.floor(bound) + 1 : Math.ceil(bound);

/** One comparison. @returns whether it is one of the known forms. */
function readClause(text: string, rule: TripRule): boolean {
  const row = comparison(text, 'consecutiveFailures');
  if (row !== undefined) {
    rule.failures = Math.max(1, least(row));
    return true;
  }
  const calls = comparison(text, 'requests');
  if (calls !== undefined) {
    rule.minimumCalls = Math.max(1, least(calls));
    return true;
  }
  const percent = comparison(text, 'totalFailures\\*100(?:\\.0)?/requests');
  const isWhole = text.startsWith('totalFailures/requests');
  const ratio = comparison(text, 'totalFailures(?:\\*1\\.0)?/requests');
  const share = percent === undefined ? ratio?.bound : percent.bound / 100;
  if (share === undefined || share > 1 || share <= 0) return false;
  rule.rate = showShare(share);
  if ((percent ?? ratio)!.operator === '>') {
    (rule.notes ??= []).push('Dapr opens above the share, Breakwater at the share.');
  }
  if (isWhole) {
    (rule.notes ??= []).push(
      'In Dapr `totalFailures / requests` is a division of whole numbers, which is 1 only if every call failed. Here it is the share that was probably meant.',
    );
  }
  return true;
}

/**
 * `consecutiveFailures >= 5`, `requests >= 20 && totalFailures * 100 / requests >= 50`, and both joined by `||`.
 * @returns undefined for any other expression.
 */
export function parseTrip(text: string): TripRule | undefined {
  const isDouble = /double\(/.test(text);
  const plain = text.replaceAll(/\s|\(|\)|double/g, '');
  const rule: TripRule = {};
  for (const alternative of plain.split('||')) {
    const clauses = alternative.split('&&');
    const one: TripRule = {};
    if (!clauses.every((clause) => readClause(clause, one))) return undefined;
    const isRow = one.failures !== undefined;
    // A row of failures that also needs a number of calls, or calls alone, is no option here.
    if (isRow === (one.rate !== undefined) || (isRow && one.minimumCalls !== undefined)) {
      return undefined;
    }
    if (isRow ? rule.failures !== undefined : rule.rate !== undefined) return undefined;
    Object.assign(rule, one, { notes: [...(rule.notes ?? []), ...(one.notes ?? [])] });
  }
  if (isDouble) rule.notes = (rule.notes ?? []).filter((note) => !note.includes('whole numbers'));
  return rule;
}
