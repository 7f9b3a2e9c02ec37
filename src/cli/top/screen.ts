/** Where `top` draws: over and over on the screen of a terminal, or one picture below the other. */
import type { Style } from './text.js';

/** As of a process; `columns` and `rows` are there on a terminal only. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A terminal that does not say how large it is. */
const USUAL = { columns: 80, rows: 24 };

// ECMA-48 and the private modes of xterm: the second screen, and no cursor.
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

/** A terminal that cannot move its cursor gets one picture below the other, as a file does. */
const isScreen = ({ stdout, env }: Terminal) => stdout.isTTY && env['TERM'] !== 'dumb';

/** @param isWhole all rows are wanted, as of a single picture. */
export function readStyle(terminal: Terminal, isWhole: boolean): Style {
  const { stdout, env } = terminal;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return {
    columns: stdout.isTTY ? stdout.columns || USUAL.columns : Infinity,
    rows: isScreen(terminal) && !isWhole ? stdout.rows || USUAL.rows : Infinity,
    // Looks at NO_COLOR and TERM.
    hasColours: stdout.isTTY && stdout.hasColors(),
    isUtf8: /utf-?8/i.test(locale),
  };
}

export class Screen {
  readonly #terminal: Terminal;
  readonly #onQuit: () => void;
  /** Each picture takes the place of the one before. */
  readonly isErased: boolean;
  #isEntered = false;
  #hasDrawn = false;

  /** @param onQuit the user wants it to end, or its output is not read any more. */
  constructor(terminal: Terminal, onQuit: () => void) {
    this.#terminal = terminal;
    this.#onQuit = onQuit;
    this.isErased = isScreen(terminal);
    terminal.stdout.on('error', onQuit);
    // Whatever ends the process: the terminal is as it was.
    process.once('exit', () => this.leave());
  }

  draw(lines: readonly string[]): void {
    const { stdout } = this.#terminal;
    // Over a slow line the next picture is the better one.
    if (stdout.writableNeedDrain) return;
    if (!this.isErased) {
      stdout.write(`${this.#hasDrawn ? '\n' : ''}${lines.join('\n')}\n`);
      this.#hasDrawn = true;
      return;
    }
    this.#enter();
    stdout.write(HOME + lines.map((line) => line + CLEAR_LINE).join('\n') + CLEAR_BELOW);
  }

  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    const { stdin, stdout } = this.#terminal;
    stdout.write(LEAVE);
    if (!stdin.isTTY) return;
    stdin.off('data', this.#onKeys);
    stdin.setRawMode(false);
    stdin.pause();
  }

  #enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    const { stdin, stdout } = this.#terminal;
    stdout.write(ENTER);
    if (!stdin.isTTY) return;
    // So that keys are not written into the picture.
    stdin.setRawMode(true);
    stdin.on('data', this.#onKeys);
    stdin.resume();
  }

  readonly #onKeys = (bytes: Buffer): void => {
    const keys = bytes.toString();
    if (keys.includes('q') || keys.includes(CTRL_C)) this.#onQuit();
    if (!keys.includes(CTRL_Z)) return;
    // The next picture enters again.
    this.leave();
    process.kill(process.pid, 'SIGTSTP');
  };
}
