/** The formats of the page: the text format of Prometheus, and OpenMetrics, which has exemplars. */

export interface Format {
  readonly contentType: string;
  readonly hasExemplars: boolean;
  /** The lines above the samples of a metric. @param type as in the text format. */
  head(name: string, type: string, help: string): string;
  /** Between two metrics. */
  readonly gap: string;
  /** After the last metric. */
  readonly end: string;
}

export const textFormat: Format = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  hasExemplars: false,
  head: (name, type, help) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`,
  gap: '\n',
  end: '',
};

/** What a name can end in to say its unit. */
const units = ['seconds', 'bytes'];

export const openMetrics: Format = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  hasExemplars: true,
  head(name, type, help) {
    // A counter is named without the ending of its samples.
    const family = type === 'counter' ? name.replace(/_total$/, '') : name;
    const unit = units.find((each) => family.endsWith(`_${each}`));
    const unitLine = unit === undefined ? '' : `# UNIT ${family} ${unit}\n`;
    return `# TYPE ${family} ${type}\n${unitLine}# HELP ${family} ${help}\n`;
  },
  // It allows no empty line.
  gap: '',
  end: '# EOF\n',
};

/** The versions of OpenMetrics that this format is right for; the later one is the same in other words. */
const versions: ReadonlySet<string> = new Set(['', '0.0.1', '1.0.0']);

interface Range {
  readonly type: string;
  readonly version: string;
  /** 0 to 1. */
  readonly weight: number;
}

/** One member of an `Accept` field (RFC 9110, section 12.5.1). */
function readRange(member: string): Range {
  const [type = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase());
  const valueOf = (name: string) =>
    parameters
      .find((each) => each.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', '');
  const weight = Number(valueOf('q') ?? 1);
  return { type, version: valueOf('version') ?? '', weight: Number.isNaN(weight) ? 0 : weight };
}

/** @param accept the `Accept` field of a scrape. @returns OpenMetrics only where it is named, and not less wanted than text. */
export function chooseFormat(accept: string | undefined): Format {
  const ranges = (accept ?? '').split(',').map(readRange);
  const weightOf = (type: string) =>
    Math.max(0, ...ranges.filter((range) => range.type === type).map(({ weight }) => weight));
  const wanted = ranges.filter(({ version }) => versions.has(version));
  const ofOpenMetrics = Math.max(
    0,
    ...wanted
      .filter(({ type }) => type === 'application/openmetrics-text')
      .map(({ weight }) => weight),
  );
  return ofOpenMetrics > 0 && ofOpenMetrics >= weightOf('text/plain') ? openMetrics : textFormat;
}
