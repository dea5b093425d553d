/** The status page: listens to its director, and shows what that says. It can't change anything. */
import type { PageMessage } from '../message.js';
import { grouped } from './numbers.js';
import {
  Charts,
  dropsTable,
  element,
  newestTable,
  ratesBetween,
  rowsTable,
  showTiles,
  usesTable,
} from './sections.js';

/** Without a message for so long the director is taken for lost. */
const SILENCE_MS = 5000;
const RETRY_MS = 2000;
/** After the last key that was pressed in a filter. */
const TYPING_MS = 300;

type Link = 'waiting' | 'live' | 'lost' | 'paused';

class Page {
  private readonly charts = new Charts();
  private readonly rows = rowsTable();
  private readonly drops = dropsTable();
  private readonly uses = usesTable();
  private readonly newest = newestTable();
  private readonly rowsFilter = element('rows-filter') as HTMLInputElement;
  private readonly connectionsFilter = element('connections-filter') as HTMLInputElement;
  private events: EventSource | null = null;
  private last: PageMessage | null = null;
  private isPaused = false;
  private silence = 0;
  private retry = 0;
  private typing = 0;

  start(): void {
    for (const filter of [this.rowsFilter, this.connectionsFilter]) {
      filter.addEventListener('input', () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.listen(), TYPING_MS);
      });
    }
    element('pause').addEventListener('click', () => this.pause());
    this.listen();
  }

  /** Begins to listen, anew where that was done before: with the filters as they are now. */
  private listen(): void {
    clearTimeout(this.retry);
    this.events?.close();
    const words = new URLSearchParams({
      rows: this.rowsFilter.value,
      connections: this.connectionsFilter.value,
    });
    const events = new EventSource(`events?${words.toString()}`);
    this.events = events;
    events.addEventListener('message', ({ data }: MessageEvent<string>) => {
      this.expectMore();
      this.show(JSON.parse(data) as PageMessage);
    });
    events.addEventListener('problem', ({ data }: MessageEvent<string>) => {
      this.expectMore();
      this.say('lost', String(JSON.parse(data)));
    });
    events.addEventListener('refused', ({ data }: MessageEvent<string>) => {
      this.lose(String(JSON.parse(data)));
    });
    events.addEventListener('error', () => this.lose('the director does not answer'));
    this.expectMore();
  }

  private expectMore(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lose('the director says nothing'), SILENCE_MS);
  }

  private lose(reason: string): void {
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    this.events?.close();
    const since = this.last === null ? '' : `, figures are of ${timeText(this.last.takenAtMs)}`;
    this.say('lost', `${reason}${since}; trying again`);
    this.retry = setTimeout(() => this.listen(), RETRY_MS);
  }

  private pause(): void {
    this.isPaused = !this.isPaused;
    const button = element('pause');
    button.setAttribute('aria-pressed', String(this.isPaused));
    if (this.isPaused) this.say('paused', this.pausedText());
    else this.say('waiting', 'going on');
  }

  private pausedText(): string {
    return `paused at ${timeText(this.last?.takenAtMs ?? Date.now())}`;
  }

  private show(message: PageMessage): void {
    if (this.isPaused) {
      // The director may have been lost and found meanwhile.
      this.say('paused', this.pausedText());
      return;
    }
    const isSame = this.last?.takenAtMs === message.takenAtMs;
    const rates = ratesBetween(this.last, message);
    if (!isSame) {
      this.charts.add(message, rates);
      showTiles(message, rates);
    }
    this.rows.show(message.rows);
    this.drops.show(message.drops);
    this.uses.show(message.uses);
    this.newest.show(message.newest.connections);
    this.showNotes(message);
    this.last = message;
  }

  private showNotes({
    version,
    startedAtMs,
    counts,
    rowsLeftOff,
    newest,
    dataPlane,
  }: PageMessage): void {
    const { services, servers } = counts;
    write('about', `${version}, up since ${dateText(startedAtMs)}`);
    write(
      'rows-note',
      `${grouped(services)} services, ${grouped(servers)} servers` +
        (rowsLeftOff > 0 ? `; ${grouped(rowsLeftOff)} more match than are shown` : ''),
    );
    const { problem, matching, connections } = newest;
    this.connectionsFilter.setAttribute('aria-invalid', String(problem !== null));
    write('newest-note', problem ?? `${grouped(matching)} match, ${connections.length} shown`);
    if (dataPlane.isServing) this.say('live', 'live');
    else this.say('lost', 'no packets are balanced: the data plane is down');
  }

  private say(link: Link, text: string): void {
    element('link').dataset['link'] = link;
    write('link', text);
  }
}

/** Only where it is another text: whoever has it read aloud hears it once. */
function write(id: string, text: string): void {
  const place = element(id);
  if (place.textContent !== text) place.textContent = text;
}

function timeText(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

function dateText(ms: number): string {
  return new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

new Page().start();
