/** Large files that a client fetches one after the other, each compared by its hash. */
import type { Host } from '../../lab/host.js';
import type { TestFile } from '../../lab/traffic.js';

export class Downloads {
  done = 0;
  readonly failures: string[] = [];
  private readonly rows: Promise<void>[];
  private isEnding = false;

  /** Begins `parallel` rows of downloads of a file that is offered at `url`. */
  constructor(
    private readonly client: Host,
    private readonly url: string,
    private readonly file: TestFile,
    parallel: number,
  ) {
    this.rows = Array.from({ length: parallel }, () => this.row());
  }

  /** Lets those that have begun come to their ends. */
  async finish(): Promise<void> {
    this.isEnding = true;
    await Promise.all(this.rows);
  }

  private async row(): Promise<void> {
    while (!this.isEnding) {
      const script = `set -o pipefail; curl -sS --fail --max-time 300 ${this.url} | sha256sum`;
      const download = this.client.spawn('bash', ['-c', script]);
      const { exit, stdout, stderr } = await download.done;
      if (exit !== 0) this.failures.push(stderr.trim() || `exit status ${exit}`);
      else if (!stdout.startsWith(this.file.sha256)) this.failures.push('the hash differs');
      else this.done += 1;
    }
  }
}
