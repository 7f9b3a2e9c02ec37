import t from 'tap';
import type { Event } from '../../src/core/events.js';
import { routeAllTo, routeByPrefix, type Routed, type Router } from '../../src/inbound/router.js';
import type { Upstream } from '../../src/upstream/upstream.js';
import { fakeCall } from '../support/fake-call.js';

interface FakeUpstream {
  readonly upstream: Upstream;
  /** What it was asked a scope for. */
  readonly asked: (readonly [method: string, path: string])[];
}

/** An upstream that gives each call a scope with its name. */
function fakeUpstream(name: string): FakeUpstream {
  const asked: FakeUpstream['asked'] = [];
  const scopeFor = (method: string, path: string) => {
    asked.push([method, path]);
    return { upstream: name } as Routed['scope'];
  };
  return { upstream: { name, scopeFor } as Upstream, asked };
}

function routerFor(...prefixes: readonly string[]): Router {
  const upstreams = prefixes.map((prefix) => [prefix, fakeUpstream(prefix).upstream] as const);
  return routeByPrefix(new Map(upstreams), () => {});
}

/** The prefix that `target` is routed by, and the path that is forwarded. */
function follow(router: Router, target: string): readonly [prefix: string, path: string] {
  const { scope, path } = router.route('GET', target);
  return [scope.upstream, path];
}

t.test('the longest prefix wins, whatever their order', async (t) => {
  for (const prefixes of [
    ['/shop', '/shop/cart', '/shop/cart/items'],
    ['/shop/cart/items', '/shop/cart', '/shop'],
  ]) {
    const router = routerFor(...prefixes);
    t.same(follow(router, '/shop/x'), ['/shop', '/x']);
    t.same(follow(router, '/shop/cart/x'), ['/shop/cart', '/x']);
    t.same(follow(router, '/shop/cart/items/1'), ['/shop/cart/items', '/1']);
    t.same(follow(router, '/shop/cart/other/1'), ['/shop/cart', '/other/1']);
  }
});

t.test('a prefix matches whole segments only', async (t) => {
  const router = routerFor('/shop', '/shop/cart');
  t.same(follow(router, '/shop/carton'), ['/shop', '/carton']);
  t.same(follow(router, '/shop/car'), ['/shop', '/car']);
  t.same(follow(router, '/shopping'), ['', '/shopping']);
  t.same(follow(router, '/sho'), ['', '/sho']);
  t.same(follow(router, '/SHOP'), ['', '/SHOP'], 'in the same case');
  t.same(follow(router, '/x/shop'), ['', '/x/shop'], 'from the start');
});

t.test('the prefix is removed, and a path is left', async (t) => {
  const router = routerFor('/shop');
  t.same(follow(router, '/shop'), ['/shop', '/']);
  t.same(follow(router, '/shop/'), ['/shop', '/']);
  t.same(follow(router, '/shop/shop/x'), ['/shop', '/shop/x'], 'once only');
  t.same(follow(router, '/shop//x/'), ['/shop', '//x/']);
  t.same(follow(router, '/shop/../x'), ['/shop', '/../x'], 'as it was written');
});

t.test('the query is kept byte for byte, and matches no prefix', async (t) => {
  const router = routerFor('/shop', '/shop/cart');
  t.same(follow(router, '/shop?q'), ['/shop', '/?q']);
  t.same(follow(router, '/shop/?'), ['/shop', '/?']);
  t.same(follow(router, '/shop/x?a=/shop/cart/1&b=%zz?c=%2F;d'), [
    '/shop',
    '/x?a=/shop/cart/1&b=%zz?c=%2F;d',
  ]);
  t.same(follow(router, '/?/shop/x'), ['', '/?/shop/x']);
  t.same(follow(router, '/shop/%63art?%63'), ['/shop', '/%63art?%63'], 'nothing is decoded');
});

t.test('the prefix / takes all that no other takes, and is not removed', async (t) => {
  const router = routerFor('/', '/shop');
  t.same(follow(router, '/'), ['/', '/']);
  t.same(follow(router, '/x?y'), ['/', '/x?y']);
  t.same(follow(router, '/shopping/1'), ['/', '/shopping/1']);
  t.same(follow(router, '/shop/1'), ['/shop', '/1']);
});

t.test('a target in absolute form is routed by its path', async (t) => {
  const router = routerFor('/', '/shop');
  t.same(follow(router, 'http://other.example/shop/x?q'), ['/shop', '/x?q']);
  t.same(follow(router, 'HTTPS://user@other.example:8443/shop'), ['/shop', '/']);
  t.same(follow(router, 'http://other.example'), ['/', '/']);
  t.same(follow(router, 'http://other.example?q=/shop'), ['/', '/?q=/shop']);
  t.same(follow(router, 'http://shop/x'), ['/', '/x'], 'its host is not looked at');
  t.same(follow(router, '/http://shop/x'), ['/', '/http://shop/x'], 'a path is not one');
});

t.test('an upstream is asked for the scope of the forwarded path', async (t) => {
  const shop = fakeUpstream('shop');
  const other = fakeUpstream('other');
  const router = routeByPrefix(
    new Map([
      ['/shop', shop.upstream],
      ['/', other.upstream],
    ]),
    () => {},
  );
  router.route('PUT', '/shop/search/1?q');
  router.route('GET', '/shopping?q');
  t.same(shop.asked, [['PUT', '/search/1?q']]);
  t.same(other.asked, [['GET', '/shopping?q']]);
});

t.test('the listener of one upstream routes all to it, with the whole path', async (t) => {
  const { upstream, asked } = fakeUpstream('shop');
  const router = routeAllTo(upstream);
  t.same(follow(router, '/shop/x?a?b=%zz'), ['shop', '/shop/x?a?b=%zz']);
  t.same(follow(router, '//x//y'), ['shop', '//x//y']);
  t.same(follow(router, 'http://other.example/p?q'), ['shop', '/p?q']);
  t.same(follow(router, 'http://other.example?q'), ['shop', '/?q']);
  t.same(
    asked.map(([, path]) => path),
    ['/shop/x?a?b=%zz', '//x//y', '/p?q', '/?q'],
  );
});

t.test('a path without a prefix', async (t) => {
  const seen: Event[] = [];
  const upstreams = new Map(['/shop', '/cart'].map((name) => [name, fakeUpstream(name).upstream]));
  const { scope, path } = routeByPrefix(upstreams, (event) => void seen.push(event)).route(
    'GET',
    '/x/y?secret',
  );

  t.test('is refused with no-route, and is told which prefixes there are', async (t) => {
    t.equal(path, '/x/y?secret');
    await t.rejects(scope.stage.run(fakeCall({ method: 'GET', path })), {
      reason: 'no-route',
      status: 404,
      message:
        'Cannot route GET /x/y because no upstream has a prefix of it; prefixes are /shop, /cart',
    });
  });

  t.test('is of no upstream and no route, and is counted where others are', async (t) => {
    t.match(scope, { upstream: '', route: '', replayBytes: 0, preserveHost: false });
    const event: Event = {
      type: 'attempt-finished',
      result: 'success',
      error: undefined,
      headersMs: 5,
    };
    scope.emit(event);
    t.same(seen, [event]);
  });
});
