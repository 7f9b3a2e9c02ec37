/** What can be set of the protocol towards an upstream. */
import { Type } from '../core/options.js';

export const protocols = ['http1', 'http2', 'auto'] as const;

export type Protocol = (typeof protocols)[number];

export const protocol = Type.Unsafe<Protocol>({
  enum: [...protocols],
  default: 'http1',
  description:
    '`http1`: HTTP/1.1. `http2`: HTTP/2, for `http://` without an upgrade (prior knowledge), for `https://` by ALPN `h2` alone. `auto`: for `https://` the upstream chooses by ALPN, for `http://` as `http1`. gRPC requests always go by HTTP/2.',
});
