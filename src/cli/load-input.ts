/** The configuration file that a short command is given: a path, or `-` for standard input. */
import { decodeThen, loadConfig, loadText, type Loaded } from '../config/load.js';
import { readInput, STDIN, STDIN_NAME, type Output } from './output.js';

export function loadInput(input: string, output: Output): Loaded {
  if (input !== STDIN) return loadConfig(input, output.env);
  const read = () => readInput(input, output);
  return decodeThen(STDIN_NAME, read, (text) => loadText(text, STDIN_NAME, output.env));
}
