/**
 * A real nginx on a host:
 *
 *     GET /            the host's name
 *     GET /whoami      the client's address as the server sees it
 *     GET /files/NAME  a file of the lab's data folder
 *     PUT /files/NAME  stores one there
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from './errors.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import type { Daemon } from './process.js';

export interface WebServerOptions {
  port?: number;
  /** Without it nothing is logged and nothing can be counted; for benchmarks. */
  accessLog?: boolean;
}

/** One request as nginx logged it. */
export interface LoggedRequest {
  readonly clientAddress: string;
  readonly clientPort: number;
  /** nginx' number of the connection it came on. */
  readonly connection: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

const POLL_MS = 20;

export class WebServer {
  private constructor(
    readonly host: Host,
    readonly port: number,
    readonly daemon: Daemon,
    private readonly logFile: string,
  ) {}

  /** Starts nginx; resolves once it listens. */
  static async start(lab: Lab, host: Host, options: WebServerOptions = {}): Promise<WebServer> {
    const { port = 80, accessLog = true } = options;
    const base = join(host.folder, `nginx-${port}`);
    const logFile = accessLog ? `${base}.access` : '';
    writeFileSync(`${base}.conf`, configuration(lab, host, port, base, logFile));
    const daemon = host.daemon(`nginx-${port}`, 'nginx', ['-e', 'stderr', '-c', `${base}.conf`]);
    await daemon.listening(port);
    return new WebServer(host, port, daemon, logFile);
  }

  /** Requests answered so far. */
  requests(): LoggedRequest[] {
    if (this.logFile === '') throw new LabError('this web server was started without a log');
    const lines = readFileSync(this.logFile, 'utf8').split('\n').slice(0, -1);
    return lines.map(parseLine);
  }

  stop(): Promise<number | null> {
    return this.daemon.stop('SIGTERM');
  }
}

/** Starts a web server on each host of a lab that has the role of a server. */
export function startWebServers(lab: Lab, options?: WebServerOptions): Promise<WebServer[]> {
  return Promise.all(lab.all('server').map((host) => WebServer.start(lab, host, options)));
}

/**
 * Resolves to what each server has logged, once these are `count` in all: nginx writes the line after the
 * client has its answer. Gives up waiting for more after a while and resolves to what there is.
 */
export async function loggedRequests(
  servers: readonly WebServer[],
  count: number,
  timeoutMs = 20_000,
): Promise<LoggedRequest[][]> {
  let logs = servers.map((server) => server.requests());
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    if (logs.reduce((sum, log) => sum + log.length, 0) >= count) break;
    await pause(POLL_MS);
    logs = servers.map((server) => server.requests());
  }
  return logs;
}

function parseLine(line: string): LoggedRequest {
  const [clientAddress, clientPort, connection, method, path, status] = line.split(' ');
  return {
    clientAddress,
    clientPort: Number(clientPort),
    connection: Number(connection),
    method,
    path,
    status: Number(status),
  };
}

function configuration(lab: Lab, host: Host, port: number, base: string, logFile: string): string {
  const log = logFile === '' ? 'off' : `${logFile} request`;
  const data = lab.dataFolder();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${base}.pid;
events { worker_connections 32768; }
http {
  log_format request '$remote_addr $remote_port $connection $request_method $uri $status';
  access_log ${log};
${temporary.map((name) => `  ${name}_temp_path ${data}/${host.name}-${name};`).join('\n')}
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_max_body_size 0;
  default_type text/plain;
  server {
    listen ${port} backlog=4096;
    location = / { return 200 "${host.name}\\n"; }
    location = /whoami { return 200 "$remote_addr\\n"; }
    location /files/ { alias ${data}/; dav_methods PUT; }
  }
}
`;
}
