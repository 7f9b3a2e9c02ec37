/**
 * `npm run compatibility`: writes what users rely on to docs/compatibility/current.json. With `-- --release` also to
 * released.json, with which the following changes are compared.
 */
import { writeFileSync } from 'node:fs';
import { format, takeSnapshot } from './snapshot.js';

const folder = new URL('../../../docs/compatibility/', import.meta.url);
const text = format(await takeSnapshot());
writeFileSync(new URL('current.json', folder), text);
if (process.argv.includes('--release')) writeFileSync(new URL('released.json', folder), text);
