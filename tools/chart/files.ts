/** Files of the Helm chart that are made from others: a chart can use nothing outside of its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { valuesSchema } from './values-schema.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const CHART = 'deploy/helm/breakwater';

/** A file in the chart, and the one that it is a copy of. */
const copies: Readonly<Record<string, string>> = {
  'files/alerts.yaml': 'deploy/prometheus/alerts.yaml',
  'files/breakwater.json': 'deploy/grafana/breakwater.json',
};

export function chartFiles(): { readonly path: string; readonly text: string }[] {
  const schema = {
    path: `${CHART}/values.schema.json`,
    text: `${JSON.stringify(valuesSchema(), undefined, 2)}\n`,
  };
  const copied = Object.entries(copies).map(([path, from]) => ({
    path: `${CHART}/${path}`,
    text: readFileSync(join(root, from), 'utf8'),
  }));
  return [schema, ...copied];
}
