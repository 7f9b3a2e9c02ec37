/** The mutation operators: small mistakes that a programmer could make, each as a change of a few characters of a module. */
import { parse, type AnyNode, type Function as FunctionNode } from 'acorn';
import { fullAncestor } from 'acorn-walk';

export interface Mutation {
  readonly operator: string;
  /** Where the text stands that is replaced: offsets from the beginning of the module, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

type Change = Omit<Mutation, 'operator'>;

/** What takes the place of an operator in binary expressions, with the name of the kind of mistake. */
const BINARY: Readonly<Record<string, readonly (readonly [kind: string, other: string])[]>> = {
  '<': [
    ['boundary', '<='],
    ['negated comparison', '>='],
  ],
  '<=': [
    ['boundary', '<'],
    ['negated comparison', '>'],
  ],
  '>': [
    ['boundary', '>='],
    ['negated comparison', '<='],
  ],
  '>=': [
    ['boundary', '>'],
    ['negated comparison', '<'],
  ],
  '===': [['negated comparison', '!==']],
  '!==': [['negated comparison', '===']],
  '+': [['arithmetic', '-']],
  '-': [['arithmetic', '+']],
  '*': [['arithmetic', '/']],
  '/': [['arithmetic', '*']],
  '%': [['arithmetic', '*']],
  '|': [['arithmetic', '&']],
  '&': [['arithmetic', '|']],
  '<<': [['arithmetic', '>>']],
  '>>': [['arithmetic', '<<']],
};
const LOGICAL: Readonly<Record<string, string>> = { '&&': '||', '||': '&&', '??': '&&' };
const ASSIGNMENT: Readonly<Record<string, string>> = { '+=': '-=', '-=': '+=', '*=': '/=' };
const UPDATE: Readonly<Record<string, string>> = { '++': '--', '--': '++' };

const isText = (node: AnyNode) =>
  node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string');

const isUndefined = (node: AnyNode) => node.type === 'Identifier' && node.name === 'undefined';

/** Literals have operators of their own. */
const isWorthNothing = (node: AnyNode) =>
  isUndefined(node) ||
  (node.type === 'Literal' && typeof node.value !== 'string') ||
  (node.type === 'UnaryExpression' && node.operator === 'void');

/** The name of a property, the address of an import, or "use strict": other texts there would not even load. */
function isName(node: AnyNode, parent: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'ExpressionStatement':
      return true;
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
      return parent.key === node && !parent.computed;
    default:
      return false;
  }
}

const replaced = ({ start, end }: AnyNode, replacement: string): Change => ({
  start,
  end,
  replacement,
});

/** Finds the token between two nodes, behind comments and brackets that stand there. */
function token(source: string, from: number, text: string, replacement: string): Change {
  const start = source.indexOf(text, from);
  return { start, end: start + text.length, replacement };
}

function* conditions(node: AnyNode): Generator<readonly [string, Change]> {
  switch (node.type) {
    case 'IfStatement':
    case 'ConditionalExpression':
      yield ['condition', replaced(node.test, 'true')];
      yield ['condition', replaced(node.test, 'false')];
      break;
    case 'WhileStatement':
      yield ['condition', replaced(node.test, 'false')];
      break;
    case 'ForStatement':
      if (node.test) yield ['condition', replaced(node.test, 'false')];
      break;
  }
}

function* expressions(source: string, node: AnyNode): Generator<readonly [string, Change]> {
  switch (node.type) {
    case 'BinaryExpression':
      if (node.operator === '+' && (isText(node.left) || isText(node.right))) break;
      for (const [kind, other] of BINARY[node.operator] ?? [])
        yield [kind, token(source, node.left.end, node.operator, other)];
      break;
    case 'LogicalExpression': {
      const other = LOGICAL[node.operator]!;
      yield ['logical operator', token(source, node.left.end, node.operator, other)];
      break;
    }
    case 'AssignmentExpression': {
      const other = ASSIGNMENT[node.operator];
      if (other !== undefined)
        yield ['arithmetic', token(source, node.left.end, node.operator, other)];
      break;
    }
    case 'UpdateExpression': {
      const from = node.prefix ? node.start : node.argument.end;
      yield ['arithmetic', token(source, from, node.operator, UPDATE[node.operator]!)];
      break;
    }
    case 'UnaryExpression':
      if (node.operator === '!') yield ['negation', token(source, node.start, '!', '')];
      if (node.operator === '-') yield ['arithmetic', token(source, node.start, '-', '')];
      break;
    case 'MemberExpression':
      if (node.optional)
        yield ['optional chaining', token(source, node.object.end, '?.', node.computed ? '' : '.')];
      break;
    case 'CallExpression':
      if (node.optional) yield ['optional chaining', token(source, node.callee.end, '?.', '')];
      break;
  }
}

function* literals(node: AnyNode, parent: AnyNode | undefined): Generator<[string, Change]> {
  if (node.type === 'TemplateLiteral' && parent?.type !== 'TaggedTemplateExpression') {
    yield ['text', replaced(node, "''")];
  }
  if (node.type !== 'Literal') return;
  if (typeof node.value === 'boolean') yield ['boolean', replaced(node, String(!node.value))];
  if (typeof node.value === 'number') yield ['number', replaced(node, String(node.value + 1))];
  if (typeof node.value === 'string' && !isName(node, parent)) {
    yield ['text', replaced(node, node.value === '' ? "'mutant'" : "''")];
  }
}

/** Without a call of super, nothing of the class works: each test would see that. */
const callsSuper = (source: string, { start, end }: AnyNode) =>
  /\bsuper\(/.test(source.slice(start, end));

function* statements(source: string, node: AnyNode): Generator<readonly [string, Change]> {
  if (node.type === 'ReturnStatement' && node.argument && !isWorthNothing(node.argument)) {
    yield ['return value', replaced(node.argument, 'undefined')];
  }
  if (node.type === 'ExpressionStatement' && !callsSuper(source, node)) {
    const { type } = node.expression;
    if (type === 'CallExpression' || type === 'AwaitExpression')
      yield ['removed call', replaced(node, ';')];
    if (type === 'AssignmentExpression') yield ['removed assignment', replaced(node, ';')];
  }
}

/** A body of one statement has no operator of its own: that statement is removed by itself. */
function* bodies(source: string, node: FunctionNode): Generator<readonly [string, Change]> {
  const { body } = node;
  if (body.type !== 'BlockStatement') {
    if (!isWorthNothing(body)) yield ['return value', replaced(body, 'undefined')];
  } else if (body.body.length > 1 && !callsSuper(source, body)) {
    yield ['empty function', replaced(body, '{}')];
  }
}

function* changesAt(
  source: string,
  node: AnyNode,
  parent: AnyNode | undefined,
): Generator<readonly [string, Change]> {
  yield* conditions(node);
  yield* expressions(source, node);
  yield* literals(node, parent);
  yield* statements(source, node);
  if (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  ) {
    yield* bodies(source, node);
  }
}

/** All mutations of a module, in the order of their places. */
export function findMutations(source: string): Mutation[] {
  const found = new Map<string, Mutation>();
  const tree = parse(source, { ecmaVersion: 'latest', sourceType: 'module' });
  fullAncestor(tree, (node, _, ancestors) => {
    for (const [operator, change] of changesAt(source, node, ancestors.at(-2))) {
      // The walker shows some nodes twice, under two types.
      found.set(`${change.start}:${change.end}:${change.replacement}`, { operator, ...change });
    }
  });
  return [...found.values()].toSorted((a, b) => a.start - b.start || a.end - b.end);
}

/** The module with this mistake in it. */
export function mutate(source: string, { start, end, replacement }: Mutation): string {
  return source.slice(0, start) + replacement + source.slice(end);
}
