/** Reads the TLS files of an upstream, so that a missing one is found at the load and not at the first call. */
import type { TlsOptions } from '../../core/model.js';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Findings, Path } from '../syntax/diagnostics.js';
import { entryOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';

/** Keys of `tls` that name files. */
export const FILE_KEYS = ['ca', 'cert', 'key'] as const;

/** Not echoed: it may be a private key. */
const PEM = /-----BEGIN |\n/;

/** Without one, OpenSSL would trust nothing or, if the file is empty, what the system trusts. */
const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;

/** The files that `tls` names, as absolute or relative paths that can be opened. */
export function tlsFilesOf(node: SourceNode | undefined, configFile: string): string[] {
  const names = FILE_KEYS.map((key) => textOf(valueOf(node, key)));
  return names
    .filter((name) => name !== undefined)
    .map((name) => resolve(dirname(configFile), name));
}

/** @returns undefined when something is wrong; `findings` has it. */
export function readTls(node: SourceNode, path: Path, findings: Findings): TlsOptions | undefined {
  const folder = dirname(findings.file);
  const files: { ca?: string; cert?: string; key?: string } = {};
  let isWhole = true;
  for (const key of FILE_KEYS) {
    const value = valueOf(node, key);
    const name = textOf(value);
    if (value === undefined || name === undefined) continue;
    if (PEM.test(name)) {
      const message = 'must be the name of a file, but is PEM text (not shown); write it to a file';
      findings.error('unreadable-file', value.position, [...path, key], message);
      isWhole = false;
      continue;
    }
    try {
      const text = readFileSync(resolve(folder, name), 'utf8');
      files[key] = text;
      if (key !== 'ca' || CERTIFICATE.test(text)) continue;
      const message = `there is no certificate in ${JSON.stringify(name)}; it must be a PEM file with -----BEGIN CERTIFICATE-----`;
      findings.error('tls', value.position, [...path, key], message);
      isWhole = false;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const message = `cannot read ${JSON.stringify(name)}, looked for from the folder of ${findings.nameFile(value.position)}: ${code}`;
      findings.error('unreadable-file', value.position, [...path, key], message);
      isWhole = false;
    }
  }
  for (const [present, absent] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ] as const) {
    const entry = entryOf(node, present);
    if (entry !== undefined && entryOf(node, absent) === undefined) {
      const message = `goes together with \`${absent}\`, which is missing`;
      findings.error('tls', entry.value.position, [...path, present], message);
      isWhole = false;
    }
  }
  if (!isWhole) return undefined;
  try {
    createSecureContext(files);
  } catch (error) {
    const { message } = error as Error;
    findings.error('tls', node.position, path, `these files cannot be used: ${message}`);
    return undefined;
  }
  const serverName = textOf(valueOf(node, 'serverName'));
  const skip = valueOf(node, 'insecureSkipVerify');
  return {
    ...files,
    ...(serverName === undefined ? {} : { serverName }),
    insecureSkipVerify: skip?.kind === 'scalar' && skip.value === true,
  };
}
