/** Which trailer fields go on to the next hop, in either direction. */
import { filterFields, type Fields } from './fields.js';
import { essential, hopByHop } from './hop-by-hop.js';

/** Fields that a trailer section must not carry: they would change what has been read already (RFC 9110, section 6.5.1). */
const notInTrailers = new Set([
  ...essential,
  ...hopByHop,
  'trailer',
  'set-cookie',
  'content-encoding',
  'content-range',
]);

const mayBeTrailer = (lowerName: string) => !notInTrailers.has(lowerName);

/** Trailers of either direction for the next hop. */
export function forwardTrailers(trailers: Fields): Fields {
  return trailers.length === 0 ? trailers : filterFields(trailers, mayBeTrailer);
}
