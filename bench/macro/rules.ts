/** SERVICES in ipvsadm's words, the same for uvs and for the kernel's ip_vs. */
import { VIP } from '../../lab/plan.js';
import { SERVICES } from './services.js';

export const SCHEDULER = 'rr';

/** One command a line, as `ipvsadm --restore` reads them. */
export function masqueradingRules(): string {
  const rules = SERVICES.flatMap(({ port, servers }) => [
    `-A -t ${VIP}:${port} -s ${SCHEDULER}`,
    ...servers.map((server) => `-a -t ${VIP}:${port} -r ${server}:${port} -m`),
  ]);
  return `${rules.join('\n')}\n`;
}
