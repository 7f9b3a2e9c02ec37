/** `npm run docs`: writes tables and pictures of the documents. With `--check` it only lists the files that are out of date. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findOutdated, root } from './documents.js';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const outdated = await findOutdated();
for (const { path, text } of outdated) {
  if (!values.check) writeFileSync(join(root, path), text);
  console.log(values.check ? `${path} is out of date` : `wrote ${path}`);
}
if (values.check && outdated.length > 0) {
  console.error('Run `npm run docs` and commit the result.');
  process.exitCode = 1;
}
