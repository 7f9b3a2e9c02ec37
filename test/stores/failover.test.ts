/** A short form of `npm run bench:failover`: each trouble once. */
import t from 'tap';
import { runFailovers } from '../support/failover-run.js';
import { troubleNames } from '../support/failovers.js';
import { withoutRedis } from '../support/redis.js';

t.test(
  'no payment whose success was told is carried out twice, whatever happens to the primary',
  { skip: withoutRedis },
  async (t) => {
    const result = await runFailovers(t, {
      rounds: troubleNames.length,
      onRound: ({ trouble, tookMs }) => t.comment(`${trouble}: ${Math.round(tookMs)} ms`),
    });
    t.same(result.again, []);
    t.comment(`${result.twice.length} were carried out more than once, before success was told`);
    t.ok(result.keys >= 4, `${result.keys} payments`);
    t.ok(result.counts.replayed > 0, 'repeated requests got the kept response');
    t.comment(JSON.stringify({ ...result.counts, others: [...result.counts.others] }));
    t.comment(`healed after ${result.healedMs.map(Math.round).join(', ')} ms`);
  },
);
