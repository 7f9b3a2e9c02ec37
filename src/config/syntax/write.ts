/** Writes YAML with comments, for files that are made for users to read and change. */
import { Document, isScalar, Pair, Scalar, YAMLMap, YAMLSeq, type Node } from 'yaml';

export type WrittenScalar = string | number | boolean;

/** A key with its value, the lines of comment above it, and the comment behind its value. */
export interface WrittenEntry {
  readonly above: string[];
  value: WrittenScalar | readonly WrittenScalar[] | WrittenMap | readonly WrittenMap[];
  behind?: string | undefined;
}

export type WrittenMap = Map<string, WrittenEntry>;

/** Comments are broken at spaces so that lines of this many characters result, indentation not counted. */
const COMMENT_WIDTH = 96;

/** @returns lines that each begin with a space, which is how the parser keeps them. */
function wrap(paragraphs: readonly string[]): string | undefined {
  const lines = paragraphs.flatMap((paragraph) => {
    const words = paragraph.split(/\s+/);
    const wrapped: string[] = [];
    let line = '';
    for (const word of words) {
      if (line !== '' && line.length + word.length + 1 > COMMENT_WIDTH) {
        wrapped.push(line);
        line = '';
      }
      line = line === '' ? word : `${line} ${word}`;
    }
    return [...wrapped, line];
  });
  return lines.length === 0 ? undefined : lines.map((line) => ` ${line}`).join('\n');
}

const isMap = (value: unknown): value is WrittenMap => value instanceof Map;

function toNode(value: WrittenEntry['value']): Node {
  if (isMap(value)) return toMap(value);
  if (!Array.isArray(value)) return new Scalar(value);
  const list = new YAMLSeq();
  const items = value as readonly (WrittenScalar | WrittenMap)[];
  list.items = items.map((item) => toNode(item));
  list.flow = items.every((item) => !isMap(item));
  return list;
}

function toMap(map: WrittenMap): YAMLMap {
  const node = new YAMLMap();
  for (const [key, { above, value, behind }] of map) {
    const keyNode = new Scalar(key);
    const comment = wrap(above);
    if (comment !== undefined) keyNode.commentBefore = comment;
    const valueNode = toNode(value);
    if (behind !== undefined) {
      const text = ` ${behind.replaceAll(/\s+/g, ' ')}`;
      // Behind the key where the value begins in the next line.
      if (isScalar(valueNode) || (valueNode as YAMLSeq).flow === true) valueNode.comment = text;
      else valueNode.commentBefore = text;
    }
    node.items.push(new Pair(keyNode, valueNode));
  }
  return node;
}

/** @param head comment lines at the top, each a paragraph. */
export function writeYaml(map: WrittenMap, head: readonly string[]): string {
  const document = new Document();
  document.contents = toMap(map) as typeof document.contents;
  const comment = wrap(head);
  if (comment !== undefined) document.commentBefore = comment;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
