/** Changes inputs at random, from a seed. */

export type Random = () => number;

const below = (random: Random, end: number) => Math.floor(random() * end);

/** Bytes at which grammars change what they expect. */
const TELLING = Buffer.from('\0\t\n\r "#%\',-./0129:;=?@AZ[\\]_az{|}~\x7f\x80\xff', 'latin1');

const join = (...parts: readonly Uint8Array[]) => Buffer.concat(parts);

type Mutation = (input: Buffer, random: Random, words: readonly string[], other: Buffer) => Buffer;

const mutations: readonly Mutation[] = [
  function setByte(input, random) {
    const changed = Buffer.from(input);
    if (changed.length > 0) changed[below(random, changed.length)] = below(random, 256);
    return changed;
  },
  function setTellingByte(input, random) {
    const changed = Buffer.from(input);
    if (changed.length > 0) {
      changed[below(random, changed.length)] = TELLING[below(random, TELLING.length)]!;
    }
    return changed;
  },
  function insertTellingByte(input, random) {
    const at = below(random, input.length + 1);
    const byte = below(random, TELLING.length);
    return join(input.subarray(0, at), TELLING.subarray(byte, byte + 1), input.subarray(at));
  },
  function insertWord(input, random, words) {
    const at = below(random, input.length + 1);
    const word = Buffer.from(words[below(random, words.length)] ?? '', 'latin1');
    return join(input.subarray(0, at), word, input.subarray(at));
  },
  function replaceByWord(input, random, words) {
    const [from, to] = range(input, random, 12);
    const word = Buffer.from(words[below(random, words.length)] ?? '', 'latin1');
    return join(input.subarray(0, from), word, input.subarray(to));
  },
  function remove(input, random) {
    const [from, to] = range(input, random, input.length);
    return join(input.subarray(0, from), input.subarray(to));
  },
  function repeat(input, random) {
    const [from, to] = range(input, random, 40);
    return join(input.subarray(0, to), input.subarray(from));
  },
  function move(input, random) {
    const [from, to] = range(input, random, 40);
    const rest = join(input.subarray(0, from), input.subarray(to));
    const at = below(random, rest.length + 1);
    return join(rest.subarray(0, at), input.subarray(from, to), rest.subarray(at));
  },
  function changeNumber(input, random) {
    const text = input.toString('latin1');
    const numbers = [...text.matchAll(/\d+/g)];
    const found = numbers[below(random, numbers.length)];
    if (found === undefined) return input;
    const value = below(random, 2) === 0 ? below(random, 1000) : 10 ** below(random, 20);
    const end = found.index + found[0].length;
    return Buffer.from(`${text.slice(0, found.index)}${value}${text.slice(end)}`, 'latin1');
  },
  function cross(input, random, _words, other) {
    return join(
      input.subarray(0, below(random, input.length + 1)),
      other.subarray(below(random, other.length + 1)),
    );
  },
];

function range(input: Buffer, random: Random, longest: number): [from: number, to: number] {
  const from = below(random, input.length + 1);
  return [from, Math.min(input.length, from + below(random, longest + 1))];
}

/** One to eight changes, more often few. @param other another input, of which a part may be taken. */
export function mutate(
  input: Buffer,
  random: Random,
  words: readonly string[],
  other: Buffer,
): Buffer {
  let changed = input;
  do {
    changed = mutations[below(random, mutations.length)]!(changed, random, words, other);
  } while (random() < 0.5);
  return changed;
}
