/** `-L --timeout` and `-L --daemon`: one line each about what isn't a service. */
import type { Control, DaemonSettings } from '../../control/api.js';
import type { Output } from '../output.js';

export async function listTimeouts(control: Control, output: Output): Promise<void> {
  const { tcpSeconds, tcpFinSeconds, udpSeconds } = await control.timeouts();
  await output.write(`Timeout (tcp tcpfin udp): ${tcpSeconds} ${tcpFinSeconds} ${udpSeconds}\n`);
}

/** The master's line first; nothing where no daemon runs. */
export async function listDaemons(control: Control, output: Output): Promise<void> {
  const daemons = await control.daemons();
  for (const state of ['master', 'backup']) {
    for (const daemon of daemons) {
      if (daemon.state === state) await output.write(`${describeDaemon(daemon)}\n`);
    }
  }
}

/** What a director doesn't report (0 or "") is left out. */
function describeDaemon(daemon: DaemonSettings): string {
  const parts = [`mcast=${daemon.interface}`, `syncid=${daemon.syncId}`];
  if (daemon.maxLength !== 0) parts.push(`maxlen=${daemon.maxLength}`);
  if (daemon.group !== '') parts.push(`group=${daemon.group}`);
  if (daemon.port !== 0) parts.push(`port=${daemon.port}`);
  if (daemon.ttl !== 0) parts.push(`ttl=${daemon.ttl}`);
  return `${daemon.state} sync daemon (${parts.join(', ')})`;
}
