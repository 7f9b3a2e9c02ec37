/** Secrets that tests plant, and what tells them. */

/** Each secret has it in its text. */
const MARK = 'S3CRET';

export const secret = (name: string) => `${MARK}-${name}`;

/** What tells a secret, in one line each. @param texts by where they were seen. */
export const leaks = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).flatMap(([where, text]) =>
    text
      .split('\n')
      .filter((line) => line.includes(MARK) || line.includes('PRIVATE KEY'))
      .map((line) => `${where}: ${line.slice(0, 300)}`),
  );
