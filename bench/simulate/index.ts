/** The simulations that there are. */
import { adaptiveBulkhead } from './adaptive-bulkhead.js';
import { adaptiveTimeout } from './adaptive-timeout.js';
import { endpoints } from './endpoints.js';
import { fairBulkhead } from './fair-bulkhead.js';
import { overload } from './overload.js';
import type { Simulation } from './simulation.js';

export const simulations: readonly Simulation[] = [
  adaptiveBulkhead,
  adaptiveTimeout,
  endpoints,
  fairBulkhead,
  overload,
];
