/** Bytes of a file to text, or in words why that cannot be done. */

const failures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'this is a directory, not a file',
  EACCES: 'this user may not read it',
  ELOOP: 'its symbolic links go round in a circle',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

export function readText(
  read: () => Uint8Array,
): { readonly text: string } | { readonly problem: string } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(read()) };
  } catch (error) {
    return { problem: describeFailure(error) };
  }
}

/** The end of a sentence about what cannot be read. */
export function describeFailure(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return failures[code] ?? message;
}
