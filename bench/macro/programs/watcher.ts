/**
 * `watcher.js PORT`: looks at a director in all ways there are, like somebody who has a dashboard, the status page and `uvs top` open:
 * fetches its metrics every second, reads the page's events, and runs `uvs top` on a pseudo-terminal.
 *
 * | command | answer                                                        |
 * |---------|---------------------------------------------------------------|
 * | begin   | {}; the page's events have begun, and `uvs top` has           |
 * | end     | { scrapes, events } since `begin`: answers, and bytes of them |
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { obey } from '../../scale/programs/commands.js';

const SCRAPE_MS = 1000;

const port = Number(process.argv[2]);
let seen = { scrapes: 0, events: 0 };
let end = async (): Promise<void> => {};

function read(path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path }, resolve).on('error', reject);
  });
}

async function scrape(): Promise<void> {
  const response = await read('/metrics');
  response.resume();
  await once(response, 'end');
  seen.scrapes += 1;
}

async function startTop(): Promise<ChildProcess> {
  const top = spawn('script', ['--quiet', '--flush', '--command', 'uvs top', '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm' },
  });
  await once(top.stdout, 'data');
  top.stdout.resume();
  return top;
}

await obey({
  begin: async () => {
    seen = { scrapes: 0, events: 0 };
    const page = await read('/events');
    page.on('data', (bytes: Buffer) => (seen.events += bytes.length));
    const top = await startTop();
    let scraping = scrape();
    const timer = setInterval(() => (scraping = scrape()), SCRAPE_MS);
    end = async () => {
      clearInterval(timer);
      page.destroy();
      top.kill();
      await Promise.all([scraping, once(top, 'exit')]);
    };
    return {};
  },
  end: async () => {
    await end();
    return seen;
  },
});
