/** Comments that switch lint rules off on their line: `# breakwater-ignore: rule-name, another -- the reason`. */
import { didYouMean, type Position } from '../syntax/diagnostics.js';
import type { Comment } from '../syntax/comments.js';
import type { Found, LintFile, LintRule } from './scope.js';

const IGNORE = /^#\s*breakwater-ignore\b(\s*:)?/;

interface Named {
  readonly name: string;
  readonly column: number;
}

/** The rules that a comment names; undefined for any other comment. */
function namesIn({ text, column }: Comment): Named[] | undefined {
  const head = IGNORE.exec(text);
  if (head === null) return undefined;
  if (head[1] === undefined) return [];
  const list = text.slice(head[0].length).split(/\s--(?:\s|$)/)[0]!;
  return [...list.matchAll(/[^\s,][^,]*/g)].map((found) => ({
    name: found[0].trim(),
    column: column + head[0].length + found.index,
  }));
}

/** A line of a file, as a key. */
const lineOf = ({ file = '', line }: Position) => `${file}:${line}`;

/** @returns whether a comment on the line of `position` switches the rule off. */
export function readIgnores(
  comments: readonly Comment[],
): (position: Position, rule: string) => boolean {
  const ignores = new Map(
    comments.map((comment) => [lineOf(comment), (namesIn(comment) ?? []).map(({ name }) => name)]),
  );
  return (position, rule) => ignores.get(lineOf(position))?.includes(rule) === true;
}

function checkNames({ comments, ruleNames }: LintFile): Found {
  return comments.flatMap((comment): Found => {
    const named = namesIn(comment);
    if (named?.length === 0) {
      const message =
        'this comment does not name a rule, so it has no effect; write # breakwater-ignore: RULE, with the rule in brackets at the end of the warning';
      return [{ place: { position: comment, path: [] }, message }];
    }
    return (named ?? [])
      .filter(({ name }) => !ruleNames.includes(name))
      .map(({ name, column }) => {
        const guess = didYouMean(name, ruleNames);
        const message = `no rule is named ${JSON.stringify(name)}, so the comment has no effect;${guess === '' ? ' write the name in brackets at the end of the warning' : guess}`;
        return { place: { position: { ...comment, column }, path: [] }, message };
      });
  });
}

export const ignoreRules: readonly LintRule[] = [
  { name: 'unknown-rule', level: 'warning', check: checkNames },
];
