/** A part of `npm run schema`: writes config/types.d.cts. */
import { writeFileSync } from 'node:fs';
import { configTypes } from './config-types.js';

writeFileSync(new URL('../../../config/types.d.cts', import.meta.url), await configTypes());
