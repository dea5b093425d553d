/**
 * `watcher.js PORT`: looks at a director in all ways there are, like somebody who has a dashboard, the status page and `uvs top` open:
 * fetches its metrics every second, reads the page's events, and runs `uvs top` on a pseudo-terminal.
 */
import { spawn } from 'node:child_process';
import { get } from 'node:http';

const SCRAPE_MS = 1000;

const port = Number(process.argv[2]);

function read(path: string): void {
  const request = get({ host: '127.0.0.1', port, path }, (response) => void response.resume());
  request.on('error', (error) => process.stderr.write(`${path}: ${error.message}\n`));
}

setInterval(() => read('/metrics'), SCRAPE_MS);
read('/events');
const top = spawn('script', ['--quiet', '--flush', '--command', 'uvs top', '/dev/null'], {
  stdio: ['pipe', 'ignore', 'inherit'],
  env: { ...process.env, TERM: 'xterm' },
});
top.on('exit', (status) => process.stderr.write(`uvs top ended with status ${status}\n`));
process.on('SIGTERM', () => {
  top.kill();
  process.exit();
});
process.stdout.write('watching\n');
