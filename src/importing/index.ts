/** Files of other systems, rewritten as one Breakwater file with comments. */
import { Findings, formatDiagnostic, type Diagnostic } from '../config/syntax/diagnostics.js';
import { loadText } from '../config/load.js';
import { dapr } from './dapr/index.js';
import { Draft } from './draft.js';
import { envoy } from './envoy/index.js';
import { Foreign } from './foreign.js';
import { resilience4j } from './resilience4j/index.js';
import type { Machine, System } from './system.js';

export type { Machine } from './system.js';

export const systems = { dapr, envoy, resilience4j } as const satisfies Record<string, System>;

export type SystemName = keyof typeof systems;

export interface ForeignText {
  /** For messages and comments. */
  readonly name: string;
  readonly text: string;
}

export interface Imported {
  /** A whole Breakwater file; undefined where nothing could be read. */
  readonly text?: string;
  /** What could not be read, and where. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A value that is taken out can make another one wrong. */
const MOST_ROUNDS = 20;

/** Of a file, in a message. */
const MOST_KEYS = 5;

/** Reads all files as parts of one configuration, in this order. Never throws for bad files. */
export function importFiles(
  name: SystemName,
  files: readonly ForeignText[],
  machine: Machine,
): Imported {
  const system: System = systems[name];
  const diagnostics: Diagnostic[] = [];
  const draft = new Draft();
  draft.tell(`Made from ${system.title}: ${files.map((file) => file.name).join(', ')}.`);
  draft.tell(
    `Behind each value is the line that it comes from. What works differently here, or has no equal, is said in comments; docs/migrate/${name}.md says more. Try it with \`breakwater check\` and \`breakwater test\`.`,
  );
  const documents = files.flatMap((file) => {
    const { own, problems } = readFile(system, file, draft);
    for (const problem of problems) {
      draft.tell(`Not read: ${formatDiagnostic(problem)}`);
    }
    diagnostics.push(...problems);
    return own;
  });
  if (documents.length === 0) return { diagnostics };
  system.convert(documents, draft, machine);
  if (draft.upstreams.size === 0) {
    draft
      .upstream('example')
      .note('The source names no service to call. A file needs at least one upstream: change it.');
  }
  for (const document of documents) {
    document.tellUnused(draft.tell, (part) => reasonFor(system, part));
  }
  return { text: settle(draft), diagnostics };
}

/** Takes out what Breakwater refuses: values that the source may have, or that are wrong there as well. */
function settle(draft: Draft): string {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const text = draft.toString();
    const { diagnostics } = loadText(text, 'import', {});
    const errors = diagnostics.filter(({ level }) => level === 'error');
    const rejected = errors.filter(({ path, message }) => draft.reject(path, message));
    if (rejected.length === 0) return text;
  }
  return draft.toString();
}

function readFile(system: System, { name, text }: ForeignText, draft: Draft) {
  const findings = new Findings(name);
  const nodes = system.parse(name, text, findings);
  const file = { name, unify: system.unify };
  const documents = nodes.map((node) => Foreign.document(file, node));
  const claimed = documents.filter((document) => system.isOwn(document));
  const own = claimed.filter((document) => {
    const malformed = system.findMalformed?.(document) ?? [];
    for (const { part, message } of malformed) {
      findings.error('wrong-value', part.node.position, part.path, message);
    }
    return malformed.length === 0;
  });
  if (claimed.length === 0 && !findings.hasErrors) {
    const position = nodes[0]?.position ?? { line: 1, column: 1 };
    const found = nodes.length === 0 ? 'it is empty' : describe(documents);
    const message = `cannot import the file because ${found}; ${system.title} needs ${system.expects}`;
    findings.error('unreadable-file', position, [], message);
  } else {
    for (const other of documents.filter((document) => !claimed.includes(document))) {
      draft.tell(`${other.where}: a document is left out, because ${describe([other])}.`);
    }
  }
  return { own, problems: findings.list() };
}

/** What a file is that belongs to another system, or to none. */
function describe(documents: readonly Foreign[]): string {
  const other = Object.entries(systems).find(([, system]) => documents.some(system.isOwn));
  if (other !== undefined) {
    const [name, { title }] = other;
    return `it is a file of ${title} (\`breakwater import ${name}\`)`;
  }
  const kind = documents[0]?.get('kind')?.text();
  if (kind !== undefined) return `it has \`kind: ${kind}\``;
  const keys = documents.flatMap((document) => document.entries().map(([key]) => key));
  if (keys.length === 0) return 'it has no keys';
  return `it only has ${keys.slice(0, MOST_KEYS).join(', ')}${keys.length > MOST_KEYS ? ' and more' : ''}`;
}

/** Of the key itself, of one in it, or of the nearest around it. */
function reasonFor({ reasons, unify }: System, part: Foreign): string {
  const key = part.nearKeys().find((near) => Object.hasOwn(reasons, unify(near)));
  return key === undefined ? 'has no equal here' : reasons[unify(key)]!;
}
