import * as fc from 'fast-check';
import t from 'tap';
import { Roster, type Member } from '../../src/lib/roster.js';

const newMember = (): Member => ({ rosterIndex: -1 });

t.test('a roster', async (t) => {
  t.test('it holds those that have joined and not left, whatever the order', async (t) => {
    fc.assert(
      fc.property(fc.array(fc.nat(9)), (moves) => {
        const roster = new Roster<Member>();
        const model = new Set<Member>();
        const members = Array.from({ length: 10 }, newMember);
        for (const move of moves) {
          const member = members[move]!;
          if (model.has(member)) {
            roster.delete(member);
            model.delete(member);
          } else {
            roster.add(member);
            model.add(member);
          }
        }
        t.equal(roster.size, model.size);
        t.strictSame(new Set(roster), model);
      }),
    );
  });

  t.test('it lets go of a member once only', async (t) => {
    const roster = new Roster<Member>();
    const [leaver, other] = [newMember(), newMember()];
    roster.add(leaver);
    roster.add(other);
    roster.delete(leaver);
    roster.delete(leaver);
    t.strictSame([...roster], [other]);
  });

  t.test('it can be left while it is walked', async (t) => {
    const roster = new Roster<Member>();
    const members = [newMember(), newMember(), newMember()];
    for (const member of members) roster.add(member);
    let seen = 0;
    for (const member of roster) {
      seen += 1;
      roster.delete(member);
    }
    t.equal(seen, 3);
    t.equal(roster.size, 0);
  });
});
