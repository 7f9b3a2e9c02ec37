import t from 'tap';
import { parseDescriptorLimit } from '../../src/platform/descriptor-limit.js';

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    unlimited            bytes
Max open files            ${soft}                 1048576              files
`;

t.test('reads the soft limit of open files', async (t) => {
  t.equal(parseDescriptorLimit(limits('1024')), 1024);
});

t.test('knows no limit where there is none, or another text', async (t) => {
  t.equal(parseDescriptorLimit(limits('unlimited')), undefined);
  t.equal(parseDescriptorLimit(''), undefined);
});
