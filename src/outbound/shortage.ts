/** Tells what this process, or its machine, has run out of from what an upstream does wrong. */

/** No descriptors or memory: no other address would help. */
const ofAll = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS']);

/** `code` of an error, or of the last of the addresses that were tried. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return codeOf(error.errors.at(-1));
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Where descriptors are left, but not for calls. */
export const keptForAdmin = (): Error =>
  Object.assign(new Error('the last ones are kept for the admin server'), { code: 'EMFILE' });

export const isShortageOfAll = (error: Error) => ofAll.has(codeOf(error));

/** EADDRNOTAVAIL: no port is left here for a connection to this address. */
export const isOwnShortage = (error: Error) =>
  isShortageOfAll(error) || codeOf(error) === 'EADDRNOTAVAIL';
