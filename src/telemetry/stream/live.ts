/** What the admin server shows live. */
import type { Live } from '../../core/live.js';
import { describeUpstream, groupScopes } from './detail.js';
import { Feed, type FeedOptions } from './feed.js';

export interface LiveOptions extends FeedOptions {
  readonly explain: Live['explain'];
}

export function createLive(options: LiveOptions): Live & { readonly viewers: number } {
  const { inspection, explain } = options;
  const feed = new Feed(options);
  return {
    watch: (viewer) => feed.watch(viewer),
    snapshot: () => feed.snapshot(),
    detail(name) {
      const upstream = inspection.upstreams().find((each) => each.name === name);
      if (upstream === undefined) return undefined;
      return describeUpstream(feed.inputOf(upstream, groupScopes(inspection).get(name) ?? []));
    },
    explain,
    get viewers() {
      return feed.viewers;
    },
  };
}
