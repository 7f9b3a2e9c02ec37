/** `npm run simulate`: lists the simulations, or prints the tables of those that are named (`all` for every one). */
import { simulations } from './index.js';
import { formatTable } from './simulation.js';

const names = process.argv.slice(2);
const chosen = names.includes('all')
  ? simulations
  : simulations.filter(({ name }) => names.includes(name));
const unknown = names.filter(
  (name) => name !== 'all' && !simulations.some((each) => each.name === name),
);

if (unknown.length > 0) {
  const known = simulations.map(({ name }) => name).join(', ');
  console.error(`Cannot simulate ${unknown.join(', ')} because there are only: ${known}, all`);
  process.exitCode = 1;
} else if (chosen.length === 0) {
  for (const { name, what } of simulations) console.log(`${name}\n  ${what}`);
} else {
  for (const simulation of chosen) {
    const { name, what } = simulation;
    console.log(`## ${name}\n\n${what}\n\n${formatTable(await simulation.run())}\n`);
  }
}
