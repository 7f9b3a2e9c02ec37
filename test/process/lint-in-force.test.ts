/** The live page shows what `check` says about the configuration in force. */
import t from 'tap';
import { startProxy } from '../support/proxy-process.js';
import { eventually } from '../support/sidecar.js';
import { Feed } from '../../src/cli/top/feed.js';
import { parseAdminAddress, type AdminAddress } from '../../src/cli/top/admin-address.js';
import type { Lint } from '../../src/admin/page/model.js';

const file = (slots: number) => `admin: { listen: "127.0.0.1:0" }
upstreams:
  a:
    listen: "127.0.0.1:0"
    target: "http://127.0.0.1:1"
    bulkhead: { maxConcurrent: ${slots} }
`;

t.test(
  'the stream has the diagnostics of the configuration in force, not of the file',
  async (t) => {
    const proxy = startProxy(t, file(1));
    await eventually('it is ready', () => proxy.output().includes('breakwater: ready'));
    const [, address] = /admin listens on (\S+)/.exec(proxy.output())!;
    const feed = new Feed(parseAdminAddress(address!) as AdminAddress);
    t.equal((await feed.readOnce()).process.config.lint, null, 'before somebody looks');

    t.teardown(() => feed.stop());
    let seen: Lint | null | undefined;
    const following = feed.follow({
      onMessage: ({ process }) => void (seen = process.config.lint),
      onLost: (why) => t.fail(why),
    });
    await eventually('there is a warning', () => seen?.warnings === 1);
    t.match(seen, {
      infos: 1,
      diagnostics: [
        {
          line: 6,
          level: 'warning',
          path: 'upstreams.a.bulkhead.maxConcurrent',
          rule: 'single-slot',
        },
        { level: 'info', rule: 'no-fallback' },
      ],
    });
    const reload = () => fetch(`http://${address}/reload`, { method: 'POST' });
    proxy.edit('upstreams: [');
    t.equal((await reload()).status, 422);
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    t.equal(seen?.warnings, 1, 'a refused file changes nothing');
    proxy.edit(file(10));
    t.equal((await reload()).status, 200);
    await eventually('the warning is gone', () => seen?.warnings === 0);
    feed.stop();
    await following;
  },
);
