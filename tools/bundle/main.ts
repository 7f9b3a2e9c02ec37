/** Bundles dist/src as dist/program. */
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.js';

const dist = new URL('../../', import.meta.url);
const folder = (name: string) => fileURLToPath(new URL(name, dist));

await bundle(folder('src'), folder('program'));
