/** The reason phrase of a response that came without one: over HTTP/2, or from no upstream. */
import { STATUS_CODES } from 'node:http';

/** @returns empty for a status that has no phrase of its own. */
export const statusTextOf = (status: number): string => STATUS_CODES[status] ?? '';
