/** Services and real servers in ipvsadm's words: what `-A`, `-a`, `-E` and `-e` are given to make them so. */
import type {
  DestinationSettings,
  ForwardingMethod,
  Protocol,
  ServiceKey,
  ServiceSettings,
  TunnelSettings,
} from '../control/api.js';
import type { EndpointText } from './endpoint-text.js';
import { notableMask } from './listing/columns.js';
import { formatSchedulerFlags } from './scheduler-flags.js';

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

/** "-t 10.1.0.100:80", "-f 7 -6" */
export async function serviceWords(service: ServiceKey, text: EndpointText): Promise<string> {
  if (service.fwmark !== 0) {
    return `-f ${service.fwmark | 0}${service.family === 'inet6' ? ' -6' : ''}`;
  }
  return `${SERVICE_OPTIONS[service.protocol]} ${await text(service, service.protocol)}`;
}

/** Options with their arguments: ["-s wrr", "-p 360"]. */
export function serviceOptions(service: ServiceKey & ServiceSettings): string[] {
  const options = [`-s ${service.scheduler}`];
  if (service.persistent) {
    options.push(`-p ${service.timeoutSeconds}`);
    const mask = notableMask(service);
    if (mask !== null) options.push(`-M ${mask}`);
  }
  if (service.persistenceEngine !== '') options.push(`--pe ${service.persistenceEngine}`);
  if (service.onePacket) options.push('-o');
  if (service.schedulerFlags !== 0) {
    options.push(`-b ${formatSchedulerFlags(service.schedulerFlags, service.scheduler)}`);
  }
  return options;
}

/** Options with their arguments: ["-m", "-w 1"]. Without the thresholds, which ipvsadm doesn't save. */
export function serverOptions({
  forwarding,
  weight,
  tunnel,
}: Pick<DestinationSettings, 'forwarding' | 'weight' | 'tunnel'>): string[] {
  const options = [FORWARDING_OPTIONS[forwarding], `-w ${weight}`];
  if (forwarding !== 'tunnel') return options;
  options.push(`--tun-type ${tunnel.type}`);
  if (tunnel.type === 'gue') options.push(`--tun-port ${tunnel.port}`);
  if (tunnel.type !== 'ipip') options.push(CHECKSUM_OPTIONS[tunnel.checksum]);
  return options;
}

/** Upper and lower threshold: ["-x 100", "-y 50"], nothing for those that are 0. */
export function thresholdOptions({
  upperThreshold,
  lowerThreshold,
}: Pick<DestinationSettings, 'upperThreshold' | 'lowerThreshold'>): string[] {
  const options: string[] = [];
  if (upperThreshold !== 0) options.push(`-x ${upperThreshold}`);
  if (lowerThreshold !== 0) options.push(`-y ${lowerThreshold}`);
  return options;
}
