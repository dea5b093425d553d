/** One service with one server, in ipvsadm's words. */
import { VIP } from '../../../lab/plan.js';
import { SCHEDULER } from '../../macro/rules.js';
import { PACKETS } from '../../macro/services.js';

/** One command a line, as `ipvsadm --restore` reads them. */
export function oneService(): string {
  const service = `-t ${VIP}:${PACKETS.port}`;
  return `-A ${service} -s ${SCHEDULER}\n-a ${service} -r ${PACKETS.servers[0]}:${PACKETS.port} -m\n`;
}

/** Words that set how long idle established connections last; the other times stay as they are. */
export function timeoutWords(seconds: number): string[] {
  return ['--set', String(seconds), '0', '0'];
}
