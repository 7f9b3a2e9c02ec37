/** Pictures of a terminal, one after the other, as an SVG that plays by itself and begins anew at its end. */
import type { Picture, Span } from './terminal.js';

export interface Frame {
  /** When it is shown, in ms since the start. */
  readonly atMs: number;
  readonly picture: Picture;
}

/** In px. */
const CHARACTER = 8.4;
const LINE = 18;
const MARGIN = 14;

const escaped: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escape = (text: string) => text.replaceAll(/[&<>]/g, (each) => escaped[each]!);

const renderSpan = ({ text, look }: Span) =>
  look === '0' ? escape(text) : `<tspan class="l${look}">${escape(text)}</tspan>`;

function renderPicture(picture: Picture): string {
  return picture
    .map((spans, i) => ({
      text: spans.map(renderSpan).join('').trimEnd(),
      y: MARGIN + LINE * (i + 0.75),
    }))
    .filter(({ text }) => text !== '')
    .map(({ text, y }) => `<text x="${MARGIN}" y="${y}">${text}</text>`)
    .join('');
}

/**
 * @param title what it shows, for those who do not see it.
 * @param still the frame for those who want no motion.
 */
export function renderSvg(
  frames: readonly Frame[],
  lengthMs: number,
  title: string,
  still: number,
): string {
  const lines = Math.max(...frames.map(({ picture }) => picture.length));
  const columns = Math.max(
    ...frames.flatMap(({ picture }) =>
      picture.map((spans) => spans.reduce((sum, { text }) => sum + text.length, 0)),
    ),
  );
  const width = Math.ceil(columns * CHARACTER) + 2 * MARGIN;
  const height = lines * LINE + 2 * MARGIN;
  const groups = frames.map(({ atMs, picture }, i) => {
    const nextMs = frames[i + 1]?.atMs ?? lengthMs;
    const share = (((nextMs - atMs) / lengthMs) * 100).toFixed(3);
    const name = `s${share.replace('.', '_')}`;
    const place = i === still ? ' class="still"' : '';
    return {
      name,
      share,
      text: `<g${place} style="animation:${name} ${lengthMs}ms ${atMs}ms infinite">${renderPicture(picture)}</g>`,
    };
  });
  const keyframes = new Map(groups.map(({ name, share }) => [name, share]));
  const rules = [...keyframes].map(
    ([name, share]) =>
      `@keyframes ${name}{0%,${share}%{visibility:visible}${(Number(share) + 0.001).toFixed(3)}%,100%{visibility:hidden}}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dce2;white-space:pre}
.l1{font-weight:bold;fill:#fff}.l2{fill:#8b949e}.l31{fill:#ff7b72}.l32{fill:#7ee787}
g{visibility:hidden}
${rules.join('\n')}
@media (prefers-reduced-motion:reduce){g{animation:none!important}g.still{visibility:visible}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${groups.map(({ text }) => text).join('\n')}
</svg>
`;
}
