/** What the admin server shows live. */
import type { LastError, Live } from '../../core/live.js';
import { describeUpstream, groupScopes } from './detail.js';
import { Feed, type FeedOptions } from './feed.js';
import { lastErrorOf } from './rows.js';

export interface LiveOptions extends FeedOptions {
  readonly explain: Live['explain'];
}

export function createLive(options: LiveOptions): Live & { readonly viewers: number } {
  const { inspection, trends, explain } = options;
  const feed = new Feed(options);
  return {
    watch: (viewer) => feed.watch(viewer),
    snapshot: () => feed.snapshot(),
    detail(name) {
      const upstream = inspection.upstreams().find((each) => each.name === name);
      if (upstream === undefined) return undefined;
      return describeUpstream(feed.inputOf(upstream, groupScopes(inspection).get(name) ?? []));
    },
    lastErrors() {
      const errors = new Map<string, LastError>();
      for (const upstream of inspection.upstreams()) {
        const error = lastErrorOf(upstream, trends.of(upstream.name));
        if (error !== null) errors.set(upstream.name, error);
      }
      return errors;
    },
    explain,
    get viewers() {
      return feed.viewers;
    },
  };
}
