/** How much memory this process has, and how much it may have: the container's limit, or else the machine's memory. */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { MemoryReading } from '../policies/overload/index.js';

export interface MemorySources {
  /** A file's text. @throws where it cannot be read. */
  readonly readFile: (path: string) => string;
  /** Resident set of this process, in bytes. */
  readonly residentBytes: () => number;
  /** Of the machine. */
  readonly totalBytes: number;
}

/** A group of processes that the kernel holds to a limit: a directory of the cgroup file system. */
interface Cgroup {
  readonly mountPoint: string;
  /** Below the mount point: `` or `/a/b`. */
  readonly path: string;
  readonly limitFile: string;
}

/** Both versions may be mounted; the memory controller belongs to one of them. */
const kinds = [
  { controller: 'memory', type: 'cgroup', limitFile: 'memory.limit_in_bytes' },
  { controller: '', type: 'cgroup2', limitFile: 'memory.max' },
] as const;

/** As long as the limit is in force, no process of the group gets more, so the smallest of all levels counts. */
function limitFilesOf({ mountPoint, path, limitFile }: Cgroup): string[] {
  const files: string[] = [];
  for (let level = path; ; level = level.slice(0, level.lastIndexOf('/'))) {
    files.push(`${mountPoint}${level}/${limitFile}`);
    if (level === '') return files;
  }
}

/** `N:CONTROLLERS:PATH` lines (cgroups(7)). @returns the path by controller; '' is version 2, which names none. */
function parseMembership(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  return paths;
}

/** Spaces and the like are octal (proc(5)). */
const unescape = (text: string) =>
  text.replace(/\\(\d{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );

/** The groups that this process is in, as far as their files can be seen from here. */
function findCgroups(membership: string, mounts: string): Cgroup[] {
  const paths = parseMembership(membership);
  return mounts.split('\n').flatMap((line): Cgroup[] => {
    const [mount = '', file = ''] = line.split(' - ');
    const [, , , root = '', mountPoint = ''] = mount.split(' ').map(unescape);
    const [type = '', , options = ''] = file.split(' ');
    const kind = kinds.find((each) => each.type === type);
    if (kind === undefined) return [];
    const path = paths.get(kind.controller);
    if (path === undefined) return [];
    if (kind.controller !== '' && !options.split(',').includes(kind.controller)) return [];
    const { limitFile } = kind;
    // Without a namespace of its own, a container sees its place in the machine's tree, but only its own branch is
    // mounted. A path that does not fit the mount is of another namespace: what is mounted is all there is to go by.
    const base = root === '/' ? '' : root;
    const isBelow = path === base || path.startsWith(`${base}/`);
    const below = isBelow && !path.includes('/..') ? path.slice(base.length) : '';
    return [{ mountPoint, limitFile, path: below.replace(/\/$/, '') }];
  });
}

/**
 * Reads the resident set, not what the group is charged with: that has the page cache in it, which the kernel takes back
 * by itself when memory is short, and the memory of neighbours, which no call refused here would free.
 *
 * The limit is read anew each time, because it may be changed while the process runs. libuv's `uv_get_constrained_memory`
 * (Node's `process.constrainedMemory()`) does not do: it looks at the innermost group only, so it misses the limit of a
 * pod or a slice around it; it takes a soft limit for a hard one; and it has a number near 2^63 or 2^64 for no limit.
 */
export function createMemoryReader(sources: MemorySources): () => MemoryReading {
  const { readFile, residentBytes, totalBytes } = sources;
  const tryRead = (path: string): string => {
    try {
      return readFile(path);
    } catch {
      // Not on this system, or not for this process.
      return '';
    }
  };
  // In a container, the group of the process does not change. If it changes elsewhere, the old limit is kept.
  const files = findCgroups(tryRead('/proc/self/cgroup'), tryRead('/proc/self/mountinfo'))
    .flatMap(limitFilesOf)
    .filter((file) => tryRead(file) !== '');
  return () => {
    let limitBytes = totalBytes;
    for (const file of files) {
      // `max` in version 2, and a number above the memory of the machine in version 1, mean no limit. So does a missing file.
      const bytes = Number.parseInt(tryRead(file), 10);
      if (bytes < limitBytes) limitBytes = bytes;
    }
    return { usedBytes: residentBytes(), limitBytes };
  };
}

export const openMemoryReader = (): (() => MemoryReading) =>
  createMemoryReader({
    readFile: (path) => readFileSync(path, 'utf8'),
    residentBytes: () => process.memoryUsage.rss(),
    totalBytes: totalmem(),
  });
