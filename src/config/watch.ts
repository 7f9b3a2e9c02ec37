/** Notices that the configuration file, or one that it includes, has changed, however that was done. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Clock, Timer } from '../core/clock.js';
import { matchPatternLater } from './syntax/file-pattern.js';

/** How often the files are looked at, in ms. */
const POLL_MS = 250;

/** A change is reported when the file has stayed the same for this long, in ms: a slow writer may not be done yet. */
const SETTLE_MS = 500;

/** A file that never stays the same is reported all the same, this long after its first change, in ms. */
const LONGEST_MS = 5000;

export interface Watcher {
  /**
   * These paths and patterns belong to it as well, and no others any more. Other ones than before count as a change: what
   * they lead to may have changed since it was read.
   */
  follow(patterns: readonly string[]): void;
  close(): void;
}

/** What a file is now: size, time and content. A file that cannot be read is a state like any other. */
async function lookAt(file: string): Promise<string> {
  try {
    const [{ size, mtimeMs }, content] = await Promise.all([stat(file), readFile(file)]);
    return `${size} ${mtimeMs} ${createHash('sha256').update(content).digest('base64')}`;
  } catch {
    return '';
  }
}

/** The same of all files that a pattern matches. */
async function lookAtMatches(pattern: string): Promise<string> {
  const files = await matchPatternLater(pattern).catch(() => []);
  const states = await Promise.all(files.map(async (file) => `${file} ${await lookAt(file)}`));
  return states.join('\n');
}

/**
 * Reads what the path leads to again and again, so that an edit in place, a file renamed over it and the swap of a symbolic
 * link on the way to it (as Kubernetes updates a ConfigMap) look the same, also where size and time are put back.
 * Notifications of changes miss one or the other, and most network file systems send none.
 * @param included paths and patterns, as for `follow`.
 */
export function watchFile(
  file: string,
  clock: Clock,
  onChange: () => void,
  included: readonly string[] = [],
): Watcher {
  /** What was reported last; undefined until the first look. */
  let reported: string | undefined;
  let last: string | undefined;
  let changedAtMs = 0;
  let unsettledSinceMs: number | undefined;

  let patterns = included;
  let timer: Timer | undefined;
  let isClosed = false;

  async function look(): Promise<void> {
    const nowMs = clock.now();
    const states = await Promise.all([lookAt(file), ...patterns.map(lookAtMatches)]);
    const current = states.join('\n');
    if (isClosed) return;
    timer = clock.schedule(POLL_MS, () => void look());
    judge(current, nowMs);
  }

  function judge(current: string, nowMs: number): void {
    if (reported === undefined) {
      reported = last = current;
      return;
    }
    if (current !== last) {
      last = current;
      changedAtMs = nowMs;
      unsettledSinceMs ??= nowMs;
    }
    if (unsettledSinceMs === undefined) return;
    const isSettled = nowMs - changedAtMs >= SETTLE_MS;
    if (!isSettled && nowMs - unsettledSinceMs < LONGEST_MS) return;
    unsettledSinceMs = undefined;
    if (last === reported) return;
    reported = last;
    onChange();
  }

  void look();
  return {
    follow(next) {
      patterns = next;
    },
    close() {
      isClosed = true;
      timer?.cancel();
    },
  };
}
