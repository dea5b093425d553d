import assert from 'node:assert/strict';
import { ControlError } from '../../../src/control/api.js';
import type { PageMessage } from '../../../src/observe/page/message.js';
import { PageFeed, PAGES_MAX } from '../../../src/observe/page/page-feed.js';
import { pageMessage, ROWS_MAX } from '../../../src/observe/page/page-message.js';
import { Clock, testDirector } from '../../support/director.js';
import { NOON_MS, server, service, snapshot } from '../tools/top/fixture.js';

const TWO_SERVICES = snapshot([
  service(80, [server(11), server(12, { weight: 0 }), server(13, { unansweredNow: 3 })]),
  service(443, []),
]);
const NEWEST = { connections: [], matching: 0, problem: null };

describe('the feed of the status page', () => {
  const clock = new Clock();
  let looks: number;
  let fails: boolean;
  let feed: PageFeed;

  beforeEach(() => {
    looks = 0;
    fails = false;
    const { state } = testDirector(clock);
    feed = new PageFeed({
      observer: {
        snapshot: async () => {
          looks++;
          if (fails) throw new ControlError('EIO', 'the data plane is not up yet');
          return snapshot([service(80, [])], { takenAtMs: NOON_MS + looks });
        },
      },
      state: () => state,
      clock: clock.read,
    });
  });

  /** What a page hears. */
  function open(words = ''): { next: () => Promise<[string, any] | null>; close: () => void } {
    const end = new AbortController();
    const url = new URL(`http://director/events${words}`);
    const { body } = feed.answer({ url, headers: {}, signal: end.signal });
    const events = (body as AsyncIterable<string>)[Symbol.asyncIterator]();
    const next = async (): Promise<[string, any] | null> => {
      const { value, done } = await events.next();
      if (done === true) return null;
      const parts = /^event: (\w+)\ndata: (.*)\n\n$/.exec(value);
      return parts === null ? next() : [parts[1], JSON.parse(parts[2])];
    };
    return { next, close: () => end.abort() };
  }

  it('takes one snapshot for all pages, and none while there is none', async () => {
    const pages = [open(), open(), open()];
    const heard = await Promise.all(pages.map(({ next }) => next()));
    const times = heard.map((message) => message?.[1].takenAtMs as number);
    assert.equal(looks, 1);
    assert.deepEqual(new Set(times).size, 1);
    for (const page of pages) page.close();
    assert.deepEqual(await Promise.all(pages.map(({ next }) => next())), [null, null, null]);
    assert.equal(looks, 1);
  });

  it('tells one page too many so, and lets it in when another has gone', async () => {
    const pages = Array.from({ length: PAGES_MAX }, () => open());
    await Promise.all(pages.map(({ next }) => next()));
    const refused = open();
    assert.equal((await refused.next())?.[0], 'refused');
    assert.equal(await refused.next(), null);
    pages[0].close();
    await pages[0].next();
    const admitted = open();
    assert.equal((await admitted.next())?.[0], 'message');
    for (const page of [...pages, admitted]) page.close();
    await Promise.all([...pages, admitted].map(({ next }) => next()));
  });

  it('says why there is nothing to show, and goes on', async () => {
    fails = true;
    const page = open();
    assert.deepEqual(await page.next(), ['problem', 'the data plane is not up yet']);
    fails = false;
    assert.equal((await page.next())?.[0], 'message');
    page.close();
    await page.next();
  });

  it('says what is wrong with a filter, as text', async () => {
    const page = open(`?connections=${encodeURIComponent('<img src=x>\n\nevent: fake')}`);
    const [name, message] = (await page.next()) ?? [];
    assert.equal(name, 'message');
    assert.match((message as PageMessage).newest.problem ?? '', /^'<img' is no address/);
    page.close();
    await page.next();
  });
});

describe('the message of the status page', () => {
  it('has services with their servers, filtered by text in their names', () => {
    const servers = ['10.2.0.11:80', '10.2.0.12:80', '10.2.0.13:80'];
    assert.deepEqual(names(''), ['tcp:10.1.0.100:80', ...servers, 'tcp:10.1.0.100:443']);
    assert.deepEqual(names(' 0.12 '), ['tcp:10.1.0.100:80', '10.2.0.12:80']);
    assert.deepEqual(names('TCP:10.1.0.100:80'), ['tcp:10.1.0.100:80', ...servers]);
    assert.deepEqual(names('nothing'), []);
  });

  it('notes what is worth a look', () => {
    const rows = pageMessage(TWO_SERVICES, '', NEWEST).rows;
    assert.deepEqual(
      rows.map(({ notes, isWarning }) => [...notes, isWarning]),
      [[false], [false], ['drained', false], ['3 SYNs unanswered', true], ['no servers', true]],
    );
  });

  it('does not grow with the number of servers, and says what it leaves out', () => {
    const many = snapshot([
      service(
        80,
        Array.from({ length: 999 }, (_, i) => server(i % 250)),
      ),
    ]);
    const message = pageMessage(many, '', NEWEST);
    assert.equal(message.rows.length, ROWS_MAX);
    assert.equal(message.rowsLeftOff, 1000 - ROWS_MAX);
    assert.deepEqual(message.counts, { services: 1, servers: 999 });
    assert.deepEqual(message.rows[0].notes, [`${1000 - ROWS_MAX} servers not shown`]);
  });

  it('has all services before it has all servers of one', () => {
    const servers = Array.from({ length: 250 }, (_, i) => server(i));
    const many = snapshot([service(80, servers), service(81, servers), service(82, [])]);
    const { rows, rowsLeftOff } = pageMessage(many, '', NEWEST);
    const services = rows.filter(({ kind }) => kind === 'service');
    assert.deepEqual(
      services.map(({ notes }) => notes),
      [[], ['203 servers not shown'], ['no servers']],
    );
    assert.deepEqual([rows.length, rowsLeftOff], [ROWS_MAX, 203]);
  });
});

/** Of services and servers. */
function names(filter: string): string[] {
  return pageMessage(TWO_SERVICES, filter, NEWEST).rows.map(({ name }) => name);
}
