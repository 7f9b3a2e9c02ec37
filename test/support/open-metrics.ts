/** A strict reader of OpenMetrics pages: one wrong line makes Prometheus refuse the whole page. */

export interface OpenMetricsFamily {
  readonly name: string;
  type: string;
  unit: string;
  readonly samples: { name: string; labels: string; value: number; exemplar: string }[];
}

const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)( # \{(?:\w+="[^"\\]*")\} \S+ \d+\.\d{3})?$/;

/** What each type's samples are called after the name of the family. */
const endings: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

function readSample(line: string, family: OpenMetricsFamily): void {
  const [, name = '', labels = '', value = '', exemplar = ''] = SAMPLE.exec(line) ?? [];
  if (name === '') throw new Error(`Not a sample: ${line}`);
  const known = endings[family.type];
  if (known === undefined) throw new Error(`${family.name} has the type ${family.type}`);
  if (!known.some((ending) => name === family.name + ending)) {
    throw new Error(`${name} is no sample of the ${family.type} ${family.name}`);
  }
  if (exemplar !== '' && !name.endsWith('_bucket')) throw new Error(`No exemplar here: ${line}`);
  if (!/^(?:[+-]Inf|Nan|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.test(value)) {
    throw new Error(`Not a number: ${line}`);
  }
  family.samples.push({ name, labels, value: Number(value.replace('+Inf', 'Infinity')), exemplar });
}

/** @throws an error with the line that is wrong. */
export function readOpenMetrics(page: string): Map<string, OpenMetricsFamily> {
  const families = new Map<string, OpenMetricsFamily>();
  if (!page.endsWith('\n# EOF\n')) throw new Error('The page does not end with # EOF');
  let family: OpenMetricsFamily | undefined;
  for (const line of page.slice(0, -'# EOF\n'.length - 1).split('\n')) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? [];
    if (word === undefined) {
      if (family === undefined) throw new Error(`Before any family: ${line}`);
      readSample(line, family);
      continue;
    }
    if (name !== family?.name) {
      if (families.has(name)) throw new Error(`${name} is there twice`);
      family = { name, type: '', unit: '', samples: [] };
      families.set(name, family);
    } else if (family.samples.length > 0) {
      throw new Error(`After the samples: ${line}`);
    }
    if (word === 'TYPE') family.type = rest;
    if (word === 'UNIT') family.unit = rest;
    if (word === 'UNIT' && !name.endsWith(`_${rest}`)) throw new Error(`Not its unit: ${line}`);
  }
  return families;
}
