/** `uvs top` on a real terminal: a pseudo-terminal by script(1), and a terminal's own program that reads what comes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Terminal } from '@xterm/headless';
import { serveControl, type ControlServer } from '../../../../src/control/server.js';
import type { Control } from '../../../../src/control/api.js';
import type { Snapshot } from '../../../../src/control/snapshot.js';
import { packageRoot } from '../../../../src/package.js';
import { temporaryFolder } from '../../control/memory-control.js';
import { NOON_MS, server, service, snapshot } from './fixture.js';

const TOP = `exec ${process.execPath} --import tsx bin/uvs.ts top --interval 0.1`;
const END = 'the shell goes on';
const MODES_OFF = '\u001b[?7h\u001b[?25h\u001b[?1049l';

describe('uvs top on a terminal', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let director: ControlServer;
  let now: Snapshot;
  let screens: Screen[];

  beforeEach(async () => {
    folder = temporaryFolder();
    screens = [];
    now = snapshot([
      service(80, [server(11, { activeConnections: 1 }), server(12, { activeConnections: 2 })]),
      service(443, [server(13)]),
    ]);
    director = await startDirector();
  });

  afterEach(async () => {
    for (const screen of screens) await screen.close();
    await director.close();
    folder.remove();
  });

  function startDirector(): Promise<ControlServer> {
    let looks = 0;
    const control = {
      snapshot: async () => ({ ...now, takenAtMs: NOON_MS + 1000 * looks++ }),
    } as unknown as Control;
    return serveControl({ path: join(folder.path, 'control.sock'), control });
  }

  async function start(): Promise<Screen> {
    const screen = new Screen(join(folder.path, 'control.sock'));
    screens.push(screen);
    await screen.shows(/10\.2\.0\.12:80/);
    return screen;
  }

  it('shows, sorts, filters, pauses, explains itself and leaves the screen as it was', async () => {
    const top = await start();
    assert.equal(top.isAlternate, true);
    assert.match(top.text, /q quit$/m);
    top.type('\u001b[D\u001b[D');
    await top.shows(/10\.2\.0\.12:80[^]*10\.2\.0\.11:80/);
    top.type('/443\r');
    await top.shows((text) => !text.includes('10.2.0.11') && text.includes('10.2.0.13'));
    top.type('\u001b');
    await top.shows(/10\.2\.0\.11/);
    top.type('p');
    await top.shows(/paused/);
    top.type('ph');
    await top.shows(/KEYS[^]*COLUMNS/);
    top.type('hq');
    await top.ended();
    assert.equal(top.isAlternate, false);
    assert.match(top.text, new RegExp(`before top\\n${END} 0\\n`));
  });

  it('fits itself to a terminal that changes its size', async () => {
    const top = await start();
    top.resize(132, 50);
    await top.shows(/persist/);
    top.resize(50, 10);
    await top.shows((text) => !text.includes('persist') && /^SERVICE/m.test(text));
    assert.match(top.text.split('\n')[9], /^h help/);
    top.type('q');
    await top.ended();
  });

  it('goes on with the next director when one went away', async () => {
    const top = await start();
    await director.close();
    await top.shows(/NO DIRECTOR/);
    now = snapshot([service(8080, [])]);
    director = await startDirector();
    await top.shows(/10\.1\.0\.100:8080/);
    assert.doesNotMatch(top.text, /NO DIRECTOR/);
    top.type('q');
    await top.ended();
  });

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`restores the terminal on ${signal}`, async () => {
      const top = await start();
      top.signal(signal);
      await top.ended();
      assert.ok(top.output.includes(MODES_OFF));
      assert.match(top.text, new RegExp(`${END} ${status}`));
    });
  }

  it('restores the terminal when it fails', async () => {
    const top = await start();
    now = { ...now, drops: null } as unknown as Snapshot;
    await top.ended();
    assert.ok(top.output.includes(MODES_OFF));
    assert.match(top.text, new RegExp(`${END} 1`));
  });

  it('gives the terminal back while it is suspended', async () => {
    const top = await start();
    top.type('\u001a');
    await top.shows(/before top/);
    assert.equal(top.isAlternate, false);
    // A signal to go on that comes before it has stopped would be none.
    await top.stopped();
    top.signal('SIGCONT');
    await top.shows(/10\.2\.0\.12:80/);
    assert.equal(top.isAlternate, true);
    top.type('q');
    await top.ended();
  });
});

/** A terminal of 80x24 with a shell in it that runs `uvs top` and then says its exit status and its own modes. */
class Screen {
  output = '';
  private readonly terminal = new Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  private readonly child: ChildProcess;
  private readonly watchers = new Set<() => void>();

  constructor(socket: string) {
    const commands = [
      'stty rows 24 columns 80 -echo',
      'echo "tty $(tty)"',
      `sh -c 'echo "process $$"; tput clear; echo before top; ${TOP}'`,
      `echo "${END} $?"`,
    ];
    this.child = spawn('script', ['-qfec', commands.join('; '), '/dev/null'], {
      cwd: packageRoot(),
      env: { ...process.env, UVS_SOCKET: socket, TERM: 'xterm', NODE_NO_WARNINGS: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.terminal.write(text, () => this.watchers.forEach((look) => look()));
    });
  }

  get isAlternate(): boolean {
    return this.terminal.buffer.active.type === 'alternate';
  }

  /** What is on the screen. */
  get text(): string {
    const buffer = this.terminal.buffer.active;
    const lines = Array.from(
      { length: this.terminal.rows },
      (_, row) =>
        buffer
          .getLine(buffer.baseY + row)
          ?.translateToString(true)
          .trimEnd() ?? '',
    );
    return lines.join('\n');
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  /** Resolves once the program stands still; nobody tells of that. */
  async stopped(): Promise<void> {
    const file = `/proc/${this.said(/process (\d+)/)}/stat`;
    while (!/\) T /.test(readFileSync(file, 'utf8'))) await pause(10);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(Number(this.said(/process (\d+)/)), signal);
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows);
    execFileSync('stty', [
      '-F',
      this.said(/tty (\S+)/),
      'rows',
      `${rows}`,
      'columns',
      `${columns}`,
    ]);
  }

  /** Resolves once the screen is like that; fails when the program ends before. */
  async shows(wanted: RegExp | ((text: string) => boolean)): Promise<void> {
    const isWanted = typeof wanted === 'function' ? wanted : (text: string) => wanted.test(text);
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!isWanted(this.text)) return;
        done();
        resolve();
      };
      const fail = () => {
        done();
        reject(new Error(`never showed ${String(wanted)}, but:\n${this.text}`));
      };
      const patience = setTimeout(fail, 20_000);
      const done = () => {
        clearTimeout(patience);
        this.watchers.delete(look);
        this.child.off('close', fail);
      };
      this.watchers.add(look);
      this.child.on('close', fail);
      look();
    });
  }

  /** The program has ended, and what it wrote last is on the screen. */
  async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null)
      await once(this.child, 'close');
    await new Promise<void>((resolve) => this.terminal.write('', resolve));
  }

  /** Takes the terminal away: whatever still runs on it ends. */
  async close(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended();
  }

  private said(pattern: RegExp): string {
    return pattern.exec(this.output)?.[1] ?? '';
  }
}
