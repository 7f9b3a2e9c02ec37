import { mkdirSync, rmdirSync, readFileSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { createMemoryReader, openMemoryReader } from '../../src/platform/memory-limits.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** A machine of 8 GiB with these files. */
function read(files: Record<string, string>) {
  const reader = createMemoryReader({
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT: ${path}`);
      return text;
    },
    residentBytes: () => 100 * MIB,
    totalBytes: 8 * GIB,
  });
  return () => reader().limitBytes;
}

const limitIn = (files: Record<string, string>) => read(files)();

/** mountinfo (proc(5)). */
const mount = (root: string, point: string, type: string, options: string) =>
  `30 23 0:26 ${root} ${point} ro,nosuid,nodev,noexec,relatime shared:9 - ${type} cgroup ${options}\n`;

const V2 = mount('/', '/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate');
const V1 = (root: string) =>
  mount(root, '/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct') +
  mount(root, '/sys/fs/cgroup/memory', 'cgroup', 'rw,memory');
const V1_UNLIMITED = '9223372036854771712\n';

t.test('reads this process and not its group', async (t) => {
  const reader = createMemoryReader({
    readFile: () => '',
    residentBytes: () => 3,
    totalBytes: 12,
  });
  t.same(reader(), { usedBytes: 3, limitBytes: 12 });
});

t.test('takes the machine where there are no cgroups', async (t) => {
  t.equal(limitIn({}), 8 * GIB);
});

t.test('finds the limit of version 2, in a namespace of its own', async (t) => {
  const files = { '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': V2 };
  t.equal(limitIn({ ...files, '/sys/fs/cgroup/memory.max': '536870912\n' }), 512 * MIB);
  t.equal(limitIn({ ...files, '/sys/fs/cgroup/memory.max': 'max\n' }), 8 * GIB);
  t.equal(limitIn(files), 8 * GIB, 'the root group has no such file');
});

t.test('takes the smallest limit of all levels above, in version 2', async (t) => {
  const files = {
    '/proc/self/cgroup': '0::/kubepods.slice/pod1/container\n',
    '/proc/self/mountinfo': V2,
    '/sys/fs/cgroup/kubepods.slice/memory.max': `${4 * GIB}\n`,
    '/sys/fs/cgroup/kubepods.slice/pod1/memory.max': `${256 * MIB}\n`,
  };
  const own = '/sys/fs/cgroup/kubepods.slice/pod1/container/memory.max';
  t.equal(limitIn({ ...files, [own]: 'max\n' }), 256 * MIB);
  t.equal(limitIn({ ...files, [own]: `${64 * MIB}\n` }), 64 * MIB);
});

t.test('finds the limit of version 1 in a container that sees the whole path', async (t) => {
  const files = {
    '/proc/self/cgroup':
      '11:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n',
    '/proc/self/mountinfo': V1('/docker/abc'),
  };
  const file = '/sys/fs/cgroup/memory/memory.limit_in_bytes';
  t.equal(limitIn({ ...files, [file]: `${128 * MIB}\n` }), 128 * MIB);
  t.equal(limitIn({ ...files, [file]: V1_UNLIMITED }), 8 * GIB);
});

t.test('finds the limit of version 1 on the machine, at any level', async (t) => {
  const files = {
    '/proc/self/cgroup': '4:memory:/system.slice/breakwater.service\n0::/\n',
    '/proc/self/mountinfo':
      V1('/') + mount('/', '/sys/fs/cgroup/unified', 'cgroup2', 'rw,nsdelegate'),
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': V1_UNLIMITED,
    '/sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes': `${300 * MIB}\n`,
    '/sys/fs/cgroup/memory/system.slice/breakwater.service/memory.limit_in_bytes': V1_UNLIMITED,
  };
  t.equal(limitIn(files), 300 * MIB);
});

t.test('takes what is mounted where the path is of another namespace', async (t) => {
  const memory = '/sys/fs/cgroup/memory';
  // What a path taken as it is would lead to.
  for (const [path, decoy] of [
    ['/docker/abc/../other', `${memory}/../other`],
    ['/docker/xyz/inner', `${memory}/inner`],
  ] as const) {
    t.equal(
      limitIn({
        '/proc/self/cgroup': `4:memory:${path}\n`,
        '/proc/self/mountinfo': V1('/docker/abc'),
        [`${memory}/memory.limit_in_bytes`]: `${128 * MIB}\n`,
        [`${decoy}/memory.limit_in_bytes`]: `${64 * MIB}\n`,
      }),
      128 * MIB,
      path,
    );
  }
});

t.test('reads mount points with spaces', async (t) => {
  t.equal(
    limitIn({
      '/proc/self/cgroup': '0::/\n',
      '/proc/self/mountinfo': mount('/', '/mnt/my\\040groups', 'cgroup2', 'rw'),
      '/mnt/my groups/memory.max': '1048576\n',
    }),
    MIB,
  );
});

t.test('follows a limit that is changed, and does without one that has gone', async (t) => {
  const files: Record<string, string> = {
    '/proc/self/cgroup': '0::/\n',
    '/proc/self/mountinfo': V2,
    '/sys/fs/cgroup/memory.max': `${64 * MIB}\n`,
  };
  const limit = read(files);
  t.equal(limit(), 64 * MIB);
  files['/sys/fs/cgroup/memory.max'] = `${96 * MIB}\n`;
  t.equal(limit(), 96 * MIB);
  delete files['/sys/fs/cgroup/memory.max'];
  t.equal(limit(), 8 * GIB);
});

t.test('reads this very process', async (t) => {
  const { usedBytes, limitBytes } = openMemoryReader()();
  t.ok(usedBytes > 10 * MIB);
  t.ok(limitBytes > usedBytes);
  t.ok(limitBytes <= totalmem());
});

/** Where root may make groups, as on a machine of one's own with version 1 or 2; undefined elsewhere. */
function makeGroups(): { inner: string; outer: string; limitFile: string } | undefined {
  const places = [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const;
  for (const [base, limitFile] of places) {
    const outer = `${base}/breakwater-test-${process.pid}`;
    const inner = `${outer}/inner`;
    try {
      mkdirSync(outer);
      if (limitFile === 'memory.max') writeFileSync(`${outer}/cgroup.subtree_control`, '+memory');
      mkdirSync(inner);
      readFileSync(`${inner}/${limitFile}`);
      return { inner, outer, limitFile };
    } catch {
      for (const path of [inner, outer]) {
        try {
          rmdirSync(path);
        } catch {
          // It never came to be.
        }
      }
    }
  }
  return undefined;
}

t.test('finds the limit of a real group around its own', async (t) => {
  const groups = makeGroups();
  if (groups === undefined) return void t.pass('no groups can be made here');
  const { inner, outer, limitFile } = groups;
  t.teardown(() => {
    rmdirSync(inner);
    rmdirSync(outer);
  });
  writeFileSync(`${outer}/${limitFile}`, String(400 * MIB));
  const module = new URL('../../src/platform/memory-limits.js', import.meta.url).href;
  const program = `import { openMemoryReader } from ${JSON.stringify(module)};
    console.log(openMemoryReader()().limitBytes, process.constrainedMemory());`;
  const command = `echo $$ > ${inner}/cgroup.procs && exec "$0" --input-type=module -e "$1"`;
  const printed = execFileSync('sh', ['-c', command, process.execPath, program], {
    encoding: 'utf8',
  });
  t.equal(printed.split(' ')[0], String(400 * MIB), printed);
});
