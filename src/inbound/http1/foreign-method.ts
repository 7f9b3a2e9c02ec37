/** Methods that Node's parser does not know: any token is a method (RFC 9110, section 16.1). */
import { METHODS } from 'node:http';

/** Those that the parser knows, but refuses for HTTP. */
const OF_RTSP = [
  'ANNOUNCE',
  'DESCRIBE',
  'GET_PARAMETER',
  'PAUSE',
  'PLAY',
  'RECORD',
  'REDIRECT',
  'SETUP',
  'SET_PARAMETER',
  'TEARDOWN',
  'FLUSH',
];

const known = [...METHODS, ...OF_RTSP, 'PRI'];

const METHOD = /^[\w!#$%&'*+.^`|~-]+/;

const REQUEST_LINE = /^[^ ]+ [^ \r\n]+ HTTP\/1\.[01]\r\n/;

/** Longest method that is waited for until it is complete. */
const MAX_METHOD_BYTES = 256;

/** How many of its first characters the parser takes for the beginning of a method. */
function knownLength(method: string): number {
  let length = 0;
  for (const name of known) {
    let i = 0;
    while (i < name.length && name[i] === method[i]) i += 1;
    length = Math.max(length, i);
  }
  return length;
}

export interface ForeignMethod {
  readonly method: string;
  /** What the parser is to read again, with a method that it knows: the request and what has come after it. */
  readonly bytes: Buffer;
}

/**
 * @param packet what the parser was reading. No body whose end only its length tells is in it. @param failedAt where the
 * parser met a defect. @returns what begins with the method that it does not know; undefined where that is not the defect.
 */
export function findForeignStart(packet: Buffer, failedAt: number): Buffer | undefined {
  const start = failedAt === 0 ? 0 : packet.lastIndexOf('\n', failedAt - 1) + 1;
  const begun = packet.subarray(start);
  const method = METHOD.exec(begun.toString('latin1'))?.[0];
  if (method === undefined) return undefined;
  // Anything else is the rest of a method that began in an earlier packet.
  const parsed = failedAt - start;
  const isRefused = OF_RTSP.includes(method) && parsed > method.length;
  return isRefused || parsed === knownLength(method) ? begun : undefined;
}

/** @returns `incomplete` where more has to come; undefined where no sound request begins there. */
export function readForeignMethod(begun: Buffer): ForeignMethod | 'incomplete' | undefined {
  const text = begun.toString('latin1');
  const method = METHOD.exec(text)?.[0];
  if (method === undefined) return undefined;
  if (method.length === text.length) {
    return text.length <= MAX_METHOD_BYTES ? 'incomplete' : undefined;
  }
  // What is still to come of the line is judged by the parser.
  if (text[method.length] !== ' ' || (text.includes('\n') && !REQUEST_LINE.test(text))) {
    return undefined;
  }
  const rest = begun.subarray(method.length);
  return { method, bytes: Buffer.concat([Buffer.from('POST'), rest]) };
}
