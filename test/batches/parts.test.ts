/** The parts of the program, each by itself. */
import { runTogether } from '../support/run-together.js';

await runTogether('core', 'policies', 'proxy', 'telemetry', 'admin', 'machine');
