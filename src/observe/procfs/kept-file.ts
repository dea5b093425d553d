/**
 * A file that is written anew all the time, for programs that read it whenever they like: they find it whole, since it
 * takes the old one's place only when it is complete. How often depends on what it costs.
 */
import { open, rename, rm } from 'node:fs/promises';

const PERIOD_MS = 1000;
/** What takes long is done so much less often: writing takes a fiftieth of the time at most. */
const PAUSE_FACTOR = 50;
const FOR_ALL_TO_READ = 0o644;

export interface KeptFileOptions {
  path: string;
  /** All of it, in pieces; null while there is nothing to be said. */
  content: () => AsyncIterable<string> | null;
  /** It couldn't be written; told once until it can be again. */
  onFault: (error: unknown) => void;
}

/** Where a file is written before it takes its place. */
export function draftOf(path: string): string {
  return `${path}.new`;
}

export class KeptFile {
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();
  private isFaulty = false;
  private isStopped = false;

  constructor(private readonly options: KeptFileOptions) {}

  start(): void {
    this.writing = this.run();
  }

  /** Removes the file: nobody is to take old numbers for new ones. */
  async stop(): Promise<void> {
    this.leave();
    await this.writing;
    await rm(this.options.path, { force: true });
  }

  /** Writes it no more; what it says now stays until somebody else goes on. */
  leave(): void {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** Writes it once, now. Never rejects. */
  async refresh(): Promise<void> {
    try {
      await this.write();
      this.isFaulty = false;
    } catch (error) {
      if (!this.isFaulty) this.options.onFault(error);
      this.isFaulty = true;
    }
  }

  private async run(): Promise<void> {
    const start = performance.now();
    await this.refresh();
    if (this.isStopped) return;
    const pauseMs = Math.max(PERIOD_MS, PAUSE_FACTOR * (performance.now() - start));
    this.timer = setTimeout(() => this.start(), pauseMs);
    this.timer.unref();
  }

  private async write(): Promise<void> {
    const { path, content } = this.options;
    const pieces = content();
    if (pieces === null) return;
    const draft = draftOf(path);
    await rm(draft, { force: true });
    // It isn't there: nobody can have us write to where a link of theirs leads.
    const file = await open(draft, 'wx');
    try {
      // Whatever the process' umask says.
      await file.chmod(FOR_ALL_TO_READ);
      for await (const piece of pieces) {
        await file.writeFile(piece);
        if (this.isStopped) break;
      }
    } finally {
      await file.close();
    }
    if (this.isStopped) await rm(draft, { force: true });
    else await rename(draft, path);
  }
}
