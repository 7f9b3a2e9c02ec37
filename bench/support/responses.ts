/** The responses of all upstreams in the measurements. */

/** About what a lookup by id gives back. */
export const SMALL_BODY = JSON.stringify({
  id: 4711,
  name: 'anchor chain',
  price: 129.5,
  stock: 38,
  tags: ['steel', 'galvanised'],
});
export const LARGE_BYTES = 100 * 1024;
/** Share of the responses to `/flaky`: 503. */
export const FAILING_SHARE = 0.3;
