/** The files in deploy, read as what they are. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

export const deploy = fileURLToPath(new URL('../../../deploy/', import.meta.url));

/** Paths within deploy. */
export const deployFiles: readonly string[] = readdirSync(deploy, { recursive: true })
  .map((name) => String(name).replaceAll('\\', '/'))
  .toSorted();

export const readText = (file: string) => readFileSync(join(deploy, file), 'utf8');

export const readYaml = (file: string): unknown => parse(readText(file));

/** The documents of a file; throws where one of them is no YAML. */
export function readDocuments(file: string): unknown[] {
  const documents = parseAllDocuments(readText(file));
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS() as unknown;
  });
}

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const rules: readonly Rule[] = (
  readYaml('prometheus/alerts.yaml') as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);

export interface Target {
  readonly expr: string;
  readonly refId: string;
  readonly datasource: unknown;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: unknown;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly Target[];
}

export interface Dashboard {
  readonly __inputs: readonly { readonly name: string; readonly pluginId: string }[];
  readonly __requires: readonly { readonly type: string; readonly id: string }[];
  readonly id: null;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: unknown }[];
  };
  readonly annotations: { readonly list: readonly { readonly expr?: string }[] };
  readonly panels: readonly Panel[];
}

export const dashboard = JSON.parse(readText('grafana/breakwater.json')) as Dashboard;
