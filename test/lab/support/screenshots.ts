/**
 * `npm run screenshots`: the pictures of the status page in docs/images/, taken in a lab with traffic. Prints what
 * `uvs top` shows meanwhile.
 *
 *     status-light.png   status-dark.png   status-phone.png
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { Director } from '../../../lab/director.js';
import { Lab } from '../../../lab/lab.js';
import { DIRECTOR_OUTSIDE, natPlan, VIP } from '../../../lab/plan.js';
import { endWrk, startWrk } from '../../../lab/traffic.js';
import { startWebServers } from '../../../lab/webserver.js';
import { packageRoot } from '../../../src/package.js';
import { openBrowser } from './browser.js';
import { serviceRules, URL } from './setting.js';

const PAGE = `${DIRECTOR_OUTSIDE}:9110`;
/** At most: it ends with the last picture. */
const TRAFFIC_SECONDS = 300;
/** What a page has seen when it is photographed: long enough for charts, and short enough to wait for. */
const WATCHED_MS = 25_000;
const PICTURES = {
  light: { colorScheme: 'light', width: 1280, height: 1300 },
  dark: { colorScheme: 'dark', width: 1280, height: 1300 },
  phone: { colorScheme: 'light', width: 360, height: 1400 },
} as const;

const images = join(packageRoot(), 'docs', 'images');
mkdirSync(images, { recursive: true });
const lab = Lab.up({
  id: 'shots',
  numbered: true,
  plan: natPlan({ clients: 2 }),
  commands: ['wrk'],
});
try {
  await startWebServers(lab);
  const director = await Director.start(lab.host('director'), ['--metrics', PAGE]);
  const rules = `${serviceRules('-s wlc', [1, 2, 0])}-A -t ${VIP}:443 -s sh -p 300\n`;
  await director.adm('-R', { input: rules });
  const clients = lab.plan.hosts.filter(({ role }) => role === 'client');
  const load = clients.map(({ name }, i) =>
    startWrk(lab.host(name), URL, { connections: 4, seconds: TRAFFIC_SECONDS, keepAlive: i === 0 }),
  );
  const browser = await openBrowser(lab.host(clients[0].name));
  await Promise.all(
    Object.keys(PICTURES).map((name) => take(browser, name as keyof typeof PICTURES)),
  );
  process.stdout.write(await director.host.output('uvs', ['top', '--once']));
  await browser.close();
  await Promise.all(load.map((process) => endWrk(process)));
  await director.stop();
} finally {
  lab.down();
}

async function take(browser: Browser, name: keyof typeof PICTURES): Promise<void> {
  const { colorScheme, width, height } = PICTURES[name];
  const page = await browser.newPage({ colorScheme, viewport: { width, height } });
  await page.goto(`http://${PAGE}/`);
  await page.locator('#link[data-link=live]').waitFor();
  await pause(WATCHED_MS);
  await page.screenshot({ path: join(images, `status-${name}.png`) });
  await page.close();
}
