// The service of docker-compose.yml: ten calls a second each way, straight to the upstream (DIRECT) and through the
// sidecar (SIDECAR), and a line every five seconds on how they ended.
const CALL_EVERY_MS = 100;
const REPORT_EVERY_MS = 5000;
const PATIENCE_MS = 3000;

const ways = ['direct', 'sidecar'].map((name) => ({
  name,
  url: process.env[name.toUpperCase()],
  tally: new Map(),
}));

/** @returns the status, what Breakwater gave as reason if the response is its own, or the error's code. */
async function callOnce(url) {
  try {
    const response = await fetch(`${url}/items`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.arrayBuffer();
    const reason = response.headers.get('x-breakwater-reason');
    return reason === null ? `${response.status}` : `${response.status} ${reason}`;
  } catch (error) {
    return error.cause?.code ?? error.name;
  }
}

async function call({ url, tally }) {
  const end = await callOnce(url);
  tally.set(end, (tally.get(end) ?? 0) + 1);
}

function report() {
  const parts = ways.map(({ name, tally }) => {
    const total = [...tally.values()].reduce((sum, count) => sum + count, 0);
    const good = total === 0 ? 0 : (100 * (tally.get('200') ?? 0)) / total;
    const ends = [...tally].map(([end, count]) => `${count} x ${end}`).join(', ');
    tally.clear();
    return `${name} ${good.toFixed(0)} % good (${ends || 'no calls'})`;
  });
  console.log(parts.join('  |  '));
}

const timers = [
  setInterval(() => {
    for (const way of ways) void call(way);
  }, CALL_EVERY_MS),
  setInterval(report, REPORT_EVERY_MS),
];

process.on('SIGTERM', () => {
  for (const timer of timers) clearInterval(timer);
});
