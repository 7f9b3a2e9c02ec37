/** The parts of the program, each by itself. */
import { runTogether } from '../support/run-together.js';

await runTogether(
  'lib',
  'http',
  'classify',
  'core',
  'policies',
  'outbound',
  'upstream',
  'inbound',
  'telemetry',
  'admin',
  'platform',
  'simulation',
);
