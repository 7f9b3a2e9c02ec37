/** What people write and read: configurations, what the commands make of them, and the documents. */
import { runTogether } from '../support/run-together.js';

await runTogether(
  'config',
  'importing',
  'inject',
  'policy-tests',
  'cli',
  'container',
  'deploy',
  'docs',
  'mutation',
);
