/** How a change is named in messages. */
import type { Change, ServiceKey } from './api.js';
import { endpointName } from './names.js';

/** "addDestination 10.2.0.9:80 of 10.1.0.100:80". */
export function changeText(change: Change): string {
  if (!('service' in change)) return `${change.change} ${serviceText(change.key)}`;
  return `${change.change} ${endpointName(change.key)} of ${serviceText(change.service)}`;
}

function serviceText(key: ServiceKey): string {
  if (key.fwmark !== 0) return `fwmark ${key.fwmark}`;
  return key.protocol === 'tcp' ? endpointName(key) : `${key.protocol} ${endpointName(key)}`;
}
