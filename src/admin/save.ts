/** `-S`: the services and real servers as command lines for `-R`. Thresholds are not saved, as in ipvsadm. */
import type { Control } from '../control/api.js';
import type { EndpointText } from './endpoint-text.js';
import { serverOptions, serviceOptions, serviceWords } from './option-words.js';
import type { Output } from './output.js';
import { sortDestinations, sortServices } from './sort.js';

/** Writes what `-R` needs to make the same services again. */
export async function save(control: Control, text: EndpointText, output: Output): Promise<void> {
  for (const service of sortServices(await control.services())) {
    const key = await serviceWords(service, text);
    const lines = [['-A', key, ...serviceOptions(service)]];
    for (const server of sortDestinations(service.destinations)) {
      const protocol = service.fwmark === 0 ? service.protocol : null;
      const address = await text(server, protocol);
      lines.push(['-a', key, '-r', address, ...serverOptions(server)]);
    }
    await output.write(lines.map((words) => `${words.join(' ')}\n`).join(''));
  }
}
