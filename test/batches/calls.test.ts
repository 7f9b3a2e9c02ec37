/** Calls through a real sidecar, from a real client to a real upstream. */
import { runTogether } from '../support/run-together.js';

await runTogether('e2e');
