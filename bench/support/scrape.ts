/**
 * Scrapers that never pause. Prints how many pages they have read, as JSON.
 *
 *   node scrape.js JSON
 */
import { Agent, get } from 'node:http';
import { constants, setPriority } from 'node:os';

export interface ScrapeOptions {
  readonly url: string;
  readonly scrapers: number;
  /** After which no page is begun. */
  readonly seconds: number;
}

export interface ScrapeReport {
  readonly pages: number;
}

const { url, scrapers, seconds } = JSON.parse(process.argv[2]!) as ScrapeOptions;

// What reads megabytes must not keep the load, with which it shares a processor, from its schedule.
setPriority(constants.priority.PRIORITY_LOW);

function scrapeOnce(agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume().on('end', resolve).on('error', reject);
    }).on('error', reject);
  });
}

const endMs = performance.now() + seconds * 1000;
let pages = 0;

async function scrapeOnAndOn(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (performance.now() < endMs) {
    await scrapeOnce(agent);
    pages += 1;
  }
  agent.destroy();
}

await Promise.all(Array.from({ length: scrapers }, scrapeOnAndOn));
process.stdout.write(JSON.stringify({ pages } satisfies ScrapeReport));
