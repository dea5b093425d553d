import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { Director } from '../../lab/director.js';
import { DIRECTOR_OUTSIDE } from '../../lab/plan.js';
import { endWrk, requestSeries, startWrk } from '../../lab/traffic.js';
import { hasChromium, openBrowser } from './support/browser.js';
import { statisticsOf, type ListedStatistics } from './support/listings.js';
import { eventually, serviceRules, SERVICE, URL, useDirector } from './support/setting.js';
import { talk } from './support/talk.js';

const PAGE = `${DIRECTOR_OUTSIDE}:9110`;
const UVSD = ['--metrics', PAGE];
/** Programs for the page, as text: they run in a browser. */
const ROWS = `[...document.querySelectorAll('#rows tbody tr')].map((row) =>
  Object.fromEntries([...row.querySelectorAll('td')].map(({ dataset }) => [dataset.title, dataset.value])))`;
const FOCUSED = `document.activeElement === document.body
  ? null
  : (document.activeElement.id || document.activeElement.textContent).trim()`;
const FOREIGN_SCRIPT = `{
  const script = document.createElement('script');
  script.textContent = 'document.title = "taken over"';
  document.body.append(script);
}`;

describe('the status page in Chromium', () => {
  const setting = useDirector({ uvsd: UVSD, rules: serviceRules('-s wrr', [1, 2, 3]) });
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  before(async function () {
    if (!hasChromium()) {
      process.stdout.write('      skipped: there is no /usr/bin/chromium\n');
      this.skip();
    }
    browser = await openBrowser(setting.client);
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`http://${PAGE}/`);
    await live();
  });
  after(() => browser?.close());

  const live = () => page.locator('#link[data-link=live]').waitFor();
  const texts = (selector: string) => page.locator(selector).allTextContents();

  it('shows the numbers that uvsadm shows, once traffic has ended', async () => {
    const { client, director } = setting;
    const load = startWrk(client, URL, { connections: 4, seconds: 30, keepAlive: false });
    // While there is traffic rates move.
    await page.locator('#rows tr.service td[data-title="Conn/s"]:not([data-value="0"])').waitFor();
    await endWrk(load);
    await requestSeries(client, URL, 7);
    const { shown, listed } = await eventually(
      async () => ({
        listed: statisticsOf(await director.adm('-Ln --stats --exact'), SERVICE),
        shown: await statistics(),
      }),
      (both) => isDeepStrictEqual(both.shown, inPageOrder(both.listed)),
    );
    assert.deepEqual(shown, inPageOrder(listed));
    assert.ok(listed.connections > 7);
    assert.deepEqual(complaints, []);
  });

  it('shows newest connections, those that match a filter', async () => {
    const talker = talk(setting.client, '10.1.0.100', 80);
    const [, port] = await talker.output(/connected (\d+)/);
    const filter = page.getByLabel('Filter').nth(1);
    await filter.fill(`:${port} established`);
    const row = page.locator('#newest tbody tr');
    await page.locator('#newest-note', { hasText: '1 match, 1 shown' }).waitFor();
    assert.equal(await row.locator('th').textContent(), `10.1.0.2:${port}`);
    assert.match(await row.locator('td').last().innerText(), /^\d\d:\d\d:\d\d$/);
    await talker.stop('SIGKILL');
    await filter.fill('');
  });

  it('shows what it is sent and what is typed as text, and runs no foreign script', async () => {
    const hostile = '<img src=x onerror="document.title=1">';
    await page.getByLabel('Filter').nth(1).fill(hostile);
    await page.locator('#newest-note', { hasText: "'<img' is no address" }).waitFor();
    assert.equal(await page.locator('main img').count(), 0);
    await page.getByLabel('Filter').nth(1).fill('');
    const head = await setting.client.output('curl', ['-sSI', `http://${PAGE}/`]);
    const policy = /^content-security-policy: (.*?)\r$/im.exec(head)?.[1] ?? '';
    assert.match(policy, /^default-src 'none'; script-src 'self'; /);
    assert.doesNotMatch(policy, /unsafe/);
    await page.evaluate(FOREIGN_SCRIPT);
    assert.equal(await page.title(), 'uvs');
    assert.match(complaints.splice(0).join(), /violates the following Content Security Policy/);
  });

  it('is used with the keyboard alone, from top to bottom', async () => {
    await page.reload();
    await live();
    const order: string[] = [];
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press('Tab');
      const name = await page.evaluate<string | null>(FOCUSED);
      if (name === null || order.includes(name)) break;
      order.push(name);
    }
    const ends = [order[0], order[1], order[2], order[3], order.at(-1)];
    assert.deepEqual(ends, [
      'Skip to services',
      'pause',
      'rows-filter',
      'Conn/s',
      'connections-filter',
    ]);
    await page.getByRole('button', { name: 'connections so far' }).press('Enter');
    assert.equal(
      await page.locator('#rows th[aria-sort=descending]').innerText(),
      'Conns ↓'.slice(0, 5),
    );
    const sorted = (await texts('#rows tr.server td[data-title=Conns]')).map(numberOf);
    assert.deepEqual(
      sorted,
      sorted.toSorted((a, b) => b - a),
    );
    await page.getByLabel('Filter').first().fill('10.2.0.12');
    await page.locator('#rows tr.server').nth(1).waitFor({ state: 'detached' });
    assert.deepEqual(await texts('#rows tbody th'), [`tcp:${SERVICE}`, '10.2.0.12:80']);
    await page.getByLabel('Filter').first().fill('');
    await page.locator('#rows tr.server').nth(2).waitFor();
    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.press('Enter');
    await page.locator('#link[data-link=paused]').waitFor();
    assert.equal(await pause.getAttribute('aria-pressed'), 'true');
    await pause.press('Enter');
    await live();
  });

  it('names its parts for those who do not see them', async () => {
    for (const name of ['Now', 'Last minutes', 'Services and real servers', 'Newest connections']) {
      assert.equal(await page.getByRole('region', { name, exact: true }).count(), 1, name);
    }
    const charts = await page
      .getByRole('img')
      .evaluateAll((all) => all.map((chart) => chart.getAttribute('aria-label') ?? ''));
    assert.equal(charts.length, 4);
    for (const label of charts) assert.match(label, /^Chart of .+\d/);
    assert.equal(await page.getByRole('table', { name: /^How full the tables are/ }).count(), 1);
  });

  it('is as wide as a phone, and dark where that is wished', async () => {
    const light = await ground();
    await page.setViewportSize({ width: 360, height: 800 });
    await page.emulateMedia({ colorScheme: 'dark' });
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    assert.ok(width <= 360, `${width} pixels`);
    // Rows are laid out as cards then, and are rows of a table nevertheless.
    const table = page.getByRole('table', { name: /^Virtual services/ });
    assert.equal(await table.getByRole('row').count(), 5);
    assert.equal(await table.getByRole('rowheader', { name: `tcp:${SERVICE}` }).count(), 1);
    const dark = await ground();
    assert.ok(brightness(light) > 200 && brightness(dark) < 60, `${light} and ${dark}`);
  });

  it('says that the director is lost, and goes on with the next one', async () => {
    await setting.director.stop();
    await page.locator('#link[data-link=lost]').waitFor();
    assert.match((await texts('#link'))[0], /trying again/);
    setting.director = await Director.start(setting.directorHost, UVSD);
    await live();
    await page.locator('#rows', { hasText: 'none' }).waitFor();
  });

  const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');

  /** The service's row, then its servers' in the page's order. */
  async function statistics(): Promise<ListedStatistics[]> {
    const rows = await page.evaluate<Record<string, string>[]>(ROWS);
    return rows.map((row) => ({
      connections: Number(row['Conns']),
      inPackets: Number(row['In pkts']),
      outPackets: Number(row['Out pkts']),
      inBytes: Number(row['In bytes']),
      outBytes: Number(row['Out bytes']),
    }));
  }
});

/** uvsadm lists servers by address, the page the last one first. */
function inPageOrder({ destinations, ...service }: ReturnType<typeof statisticsOf>) {
  return [service, ...destinations.toReversed()];
}

function numberOf(text: string): number {
  return Number(text.replaceAll(' ', ''));
}

/** Of "rgb(20, 23, 26)". */
function brightness(colour: string): number {
  const parts = [...colour.matchAll(/\d+/g)].map(Number);
  return parts.reduce((sum, part) => sum + part, 0) / parts.length;
}
