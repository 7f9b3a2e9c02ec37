/** The files of the live page, and where they are. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const own = (file: string) => fileURLToPath(new URL(`./page/${file}`, import.meta.url));
const packaged = (file: string) => createRequire(import.meta.url).resolve(file);

const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

export interface PageFile {
  /** Where it is on the disk. */
  readonly place: () => string;
  readonly type: string;
}

const scripts = [
  'actions',
  'charts',
  'detail',
  'dom',
  'facts',
  'faults',
  'feed',
  'format',
  'head',
  'history',
  'main',
  'model',
  'overrides',
  'panels',
  'row',
  'story',
  'strip',
  'text',
];

/** The page's files, by the name in the address. */
export const pageFiles: ReadonlyMap<string, PageFile> = new Map<string, PageFile>([
  ['page.css', { place: () => own('page.css'), type: style }],
  ['icon.svg', { place: () => own('icon.svg'), type: 'image/svg+xml' }],
  ['uplot.js', { place: () => packaged('uplot/dist/uPlot.iife.min.js'), type: script }],
  ['uplot.css', { place: () => packaged('uplot/dist/uPlot.min.css'), type: style }],
  ...scripts.map((name): [string, PageFile] => [
    `${name}.js`,
    { place: () => own(`${name}.js`), type: script },
  ]),
]);

/** Where the page itself is. */
export const placeOfPage = (): string => own('index.html');
