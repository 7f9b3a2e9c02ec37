/** What every upstream of the measurements answers. */

/** About what a lookup by id gives back. */
export const SMALL_BODY = JSON.stringify({
  id: 4711,
  name: 'anchor chain',
  price: 129.5,
  stock: 38,
  tags: ['steel', 'galvanised'],
});
export const LARGE_BYTES = 100 * 1024;
/** Of the answers to `/flaky`: 503. */
export const FAILING_SHARE = 0.3;
