/** `proxy.js ADDRESS PORT=SERVER,SERVER...`: passes TCP connections on to the servers in turn, port kept. */
import { connect, createServer } from 'node:net';

const BACKLOG = 4096;

function serve(address: string, port: number, servers: readonly string[]): void {
  let turn = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const host = servers[turn++ % servers.length];
    const upstream = connect({ host, port, noDelay: true, allowHalfOpen: true });
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  server.listen({ host: address, port, backlog: BACKLOG });
}

const [address, ...services] = process.argv.slice(2);
for (const service of services) {
  const [port, servers] = service.split('=');
  serve(address, Number(port), servers.split(','));
}
