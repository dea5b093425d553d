/** `-L`: services with their real servers. */
import type { Control, ServiceEntry } from '../../control/api.js';
import type { EndpointText } from '../endpoint-text.js';
import type { Output } from '../output.js';
import type { Request } from '../request.js';
import { sortDestinations, sortServices } from '../sort.js';
import { columnsFor, fitServerName, fitServiceName, type Columns } from './columns.js';

/** Lists one service, or all with a line about the director before them. */
export async function listServices(
  request: Request,
  control: Control,
  text: EndpointText,
  output: Output,
): Promise<void> {
  const columns = columnsFor(request.given);
  const isSorted = !request.given.has('nosort');
  const services = request.given.has('service-address')
    ? [await control.service(request.service)]
    : await allServices(control, output);
  await output.write(`${columns.titles.join('\n')}\n`);
  for (const service of isSorted ? sortServices(services) : services) {
    await output.write(await serviceLines(service, columns, text, isSorted));
  }
}

async function allServices(control: Control, output: Output): Promise<ServiceEntry[]> {
  const { version, connectionTableSize } = await control.info();
  await output.write(`IP Virtual Server version ${version} (size=${connectionTableSize})\n`);
  return control.services();
}

async function serviceLines(
  service: ServiceEntry,
  columns: Columns,
  text: EndpointText,
  isSorted: boolean,
): Promise<string> {
  const lines = [columns.service(service, await serviceName(service, text))];
  // Servers of a mark have ports of no protocol in particular.
  const protocol = service.fwmark === 0 ? service.protocol : null;
  const { destinations } = service;
  for (const server of isSorted ? sortDestinations(destinations) : destinations) {
    const name = await text(server, protocol);
    lines.push(columns.server(server, fitServerName(name, server)));
  }
  return `${lines.join('\n')}\n`;
}

/** "TCP  10.1.0.100:80", "FWM  7 IPv6"; a mark is shown as signed number. */
async function serviceName(service: ServiceEntry, text: EndpointText): Promise<string> {
  if (service.fwmark !== 0) {
    return `FWM  ${service.fwmark | 0}${service.family === 'inet6' ? ' IPv6' : ''}`;
  }
  const protocol = service.protocol.toUpperCase().padEnd(4);
  return fitServiceName(`${protocol} ${await text(service, service.protocol)}`, service);
}
