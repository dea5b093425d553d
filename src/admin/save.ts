/** `-S`: the services and real servers as command lines for `-R`. Thresholds are not saved, as in ipvsadm. */
import type {
  Control,
  DestinationEntry,
  ForwardingMethod,
  Protocol,
  ServiceEntry,
  TunnelSettings,
} from '../control/api.js';
import type { EndpointText } from './endpoint-text.js';
import { notableMask } from './listing/columns.js';
import type { Output } from './output.js';
import { formatSchedulerFlags } from './scheduler-flags.js';
import { sortDestinations, sortServices } from './sort.js';

const SERVICE_OPTIONS: { readonly [protocol in Protocol]: string } = {
  tcp: '-t',
  udp: '-u',
  sctp: '--sctp-service',
};

const FORWARDING_OPTIONS: { readonly [method in ForwardingMethod]: string } = {
  masq: '-m',
  tunnel: '-i',
  route: '-g',
  local: '-g',
  bypass: '-g',
};

const CHECKSUM_OPTIONS: { readonly [kind in TunnelSettings['checksum']]: string } = {
  none: '--tun-nocsum',
  csum: '--tun-csum',
  remcsum: '--tun-remcsum',
};

/** Writes what `-R` needs to make the same services again. */
export async function save(control: Control, text: EndpointText, output: Output): Promise<void> {
  for (const service of sortServices(await control.services())) {
    const key = await serviceWords(service, text);
    const lines = [['-A', key, ...settingWords(service)]];
    for (const server of sortDestinations(service.destinations)) {
      const protocol = service.fwmark === 0 ? service.protocol : null;
      const address = await text(server, protocol);
      lines.push(['-a', key, '-r', address, ...serverWords(server)]);
    }
    await output.write(lines.map((words) => `${words.join(' ')}\n`).join(''));
  }
}

/** "-t 10.1.0.100:80", "-f 7 -6" */
async function serviceWords(service: ServiceEntry, text: EndpointText): Promise<string> {
  if (service.fwmark !== 0) {
    return `-f ${service.fwmark | 0}${service.family === 'inet6' ? ' -6' : ''}`;
  }
  return `${SERVICE_OPTIONS[service.protocol]} ${await text(service, service.protocol)}`;
}

function settingWords(service: ServiceEntry): string[] {
  const words = ['-s', service.scheduler];
  if (service.persistent) {
    words.push('-p', String(service.timeoutSeconds));
    const mask = notableMask(service);
    if (mask !== null) words.push('-M', mask);
  }
  if (service.persistenceEngine !== '') words.push('--pe', service.persistenceEngine);
  if (service.onePacket) words.push('-o');
  if (service.schedulerFlags !== 0) {
    words.push('-b', formatSchedulerFlags(service.schedulerFlags, service.scheduler));
  }
  return words;
}

function serverWords({ forwarding, weight, tunnel }: DestinationEntry): string[] {
  const words = [FORWARDING_OPTIONS[forwarding], '-w', String(weight)];
  if (forwarding !== 'tunnel') return words;
  words.push('--tun-type', tunnel.type);
  if (tunnel.type === 'gue') words.push('--tun-port', String(tunnel.port));
  if (tunnel.type !== 'ipip') words.push(CHECKSUM_OPTIONS[tunnel.checksum]);
  return words;
}
