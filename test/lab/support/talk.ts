/** A TCP client on a host that does as it is told; see talker.mjs for the words it knows. */
import { join } from 'node:path';
import type { Host } from '../../../lab/host.js';
import type { LabProcess } from '../../../lab/process.js';

export function talk(host: Host, address: string, port: number): LabProcess {
  const script = join(import.meta.dirname, 'talker.mjs');
  return host.spawn(process.execPath, [script, address, String(port)]);
}
