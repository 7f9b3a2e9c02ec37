/** The few shapes that the pictures are made of, in colours for light and dark. */

/** What a shape is about, which decides its colour. */
export type Tone = 'plain' | 'call' | 'attempt' | 'good' | 'bad';

interface Colours {
  readonly fill: string;
  readonly line: string;
}

interface Theme {
  readonly page: Colours;
  readonly text: string;
  readonly muted: string;
  readonly tones: Readonly<Record<Tone, Colours>>;
}

const light: Theme = {
  page: { fill: '#ffffff', line: '#d1d9e0' },
  text: '#1f2328',
  muted: '#59636e',
  tones: {
    plain: { fill: '#f6f8fa', line: '#818b98' },
    call: { fill: '#ddf4ff', line: '#0969da' },
    attempt: { fill: '#fff8c5', line: '#9a6700' },
    good: { fill: '#dafbe1', line: '#1a7f37' },
    bad: { fill: '#ffebe9', line: '#cf222e' },
  },
};

const dark: Theme = {
  page: { fill: '#0d1117', line: '#3d444d' },
  text: '#f0f6fc',
  muted: '#9198a1',
  tones: {
    plain: { fill: '#151b23', line: '#656c76' },
    call: { fill: '#10233c', line: '#4493f8' },
    attempt: { fill: '#2e2510', line: '#d29922' },
    good: { fill: '#10291a', line: '#3fb950' },
    bad: { fill: '#341a1d', line: '#f85149' },
  },
};

const rulesOf = ({ page, text, muted, tones }: Theme) =>
  [
    `.page{fill:${page.fill};stroke:${page.line}}`,
    `text{fill:${text}}`,
    `.muted{fill:${muted}}`,
    `.line{stroke:${muted}}`,
    `.head{fill:${muted}}`,
    ...Object.entries(tones).map(
      ([tone, { fill, line }]) => `.${tone}{fill:${fill};stroke:${line}}`,
    ),
  ].join('\n');

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function box({ x, y, width, height }: Box, tone: Tone, isDashed = false): string {
  const dashes = isDashed ? ' stroke-dasharray="5 4"' : '';
  return `<rect class="${tone}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"${dashes}/>`;
}

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly isStrong?: boolean;
  readonly isMuted?: boolean;
}

/** One line of text, its baseline at `y`. */
export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { anchor = 'start', isStrong = false, isMuted = false } = style;
  const classes = [isStrong ? 'strong' : '', isMuted ? 'muted' : ''].filter(Boolean).join(' ');
  const attribute = classes === '' ? '' : ` class="${classes}"`;
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${attribute}>${escaped(words)}</text>`;
}

/** Lines of text below each other; the first one has its baseline at `y`. */
export function lines(x: number, y: number, words: readonly string[], style?: TextStyle): string {
  return words.map((line, index) => text(x, y + index * 18, line, style)).join('\n');
}

/** @param path in the notation of SVG, such as `M 0 0 H 10`. */
export function arrow(path: string): string {
  return `<path class="line" d="${path}" fill="none" marker-end="url(#head)"/>`;
}

export function rule(path: string, isDashed = false): string {
  return `<path class="line" d="${path}" fill="none"${isDashed ? ' stroke-dasharray="5 4"' : ''}/>`;
}

/** @param title what the picture shows, for readers who cannot see it. */
export function picture(
  size: { readonly width: number; readonly height: number },
  title: string,
  shapes: readonly string[],
): string {
  const { width, height } = size;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<!-- Made by \`npm run docs\`. -->
<title>${escaped(title)}</title>
<style>
text{font:14px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
.strong{font-weight:600}
rect,path{stroke-width:1.5}
${rulesOf(light)}
@media (prefers-color-scheme:dark){
${rulesOf(dark)}
}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="head" d="M 0 0 L 8 4 L 0 8 z"/></marker></defs>
<rect class="page" x="0.75" y="0.75" width="${width - 1.5}" height="${height - 1.5}" rx="8"/>
${shapes.join('\n')}
</svg>
`;
}
