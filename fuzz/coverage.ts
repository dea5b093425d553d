/**
 * Which pieces of the project's code have run: V8's precise coverage of blocks, asked for after every few
 * hundred inputs. Counting makes the code several times slower, so that it is switched on for a while only.
 */
import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector';

/** Of the project's code this is what is counted. */
const COUNTED = /\/(src|dataplane|scheduler)\//;

export class Coverage {
  /** Blocks that ran at least once since the start. */
  private readonly blocks = new Set<string>();
  private session: Session | null = null;

  get size(): number {
    return this.blocks.size;
  }

  get isOn(): boolean {
    return this.session !== null;
  }

  start(): void {
    this.session = new Session();
    this.session.connect();
    this.session.post('Profiler.enable');
    this.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.session?.post('Profiler.stopPreciseCoverage');
    this.session?.disconnect();
    this.session = null;
  }

  /** The blocks that ran since the last call, and never before. */
  take(): string[] {
    const fresh: string[] = [];
    // A session with one's own process answers at once.
    this.session?.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error === null) this.collect(answer.result, fresh);
    });
    return fresh;
  }

  /** Has blocks count as never run, and as run. */
  forget(blocks: readonly string[]): void {
    for (const block of blocks) this.blocks.delete(block);
  }

  note(blocks: readonly string[]): void {
    for (const block of blocks) this.blocks.add(block);
  }

  private collect(scripts: readonly Profiler.ScriptCoverage[], fresh: string[]): void {
    for (const { url, scriptId, functions } of scripts) {
      if (!COUNTED.test(url) || url.includes('/node_modules/')) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          const block = `${scriptId}:${startOffset}-${endOffset}`;
          if (count === 0 || this.blocks.has(block)) continue;
          this.blocks.add(block);
          fresh.push(block);
        }
      }
    }
  }
}
