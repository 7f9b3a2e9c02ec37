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

const REQUEST_LINE = /^([\w!#$%&'*+.^`|~-]+) [^ \r\n]+ HTTP\/1\.[01]\r\n/;

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
 * @param packet what the parser was reading, between two requests before it. @param failedAt where it met the method.
 * @returns undefined where no sound request begins there.
 */
export function findForeignMethod(packet: Buffer, failedAt: number): ForeignMethod | undefined {
  const method = REQUEST_LINE.exec(packet.toString('latin1'))?.[1];
  if (method === undefined) return undefined;
  // Anything else is the rest of a method that began in an earlier packet.
  const isRefused = OF_RTSP.includes(method) && failedAt > method.length;
  if (!isRefused && failedAt !== knownLength(method)) return undefined;
  const rest = packet.subarray(method.length);
  return { method, bytes: Buffer.concat([Buffer.from('POST'), rest]) };
}
