/**
 * The labels of services and servers as they stand in a line, in bytes. Those of servers are kept from one scrape to
 * the next: made anew each time, ten thousand of them keep the garbage collector busy, for which everything stops.
 */
import { endpointName } from '../../control/names.js';
import type { DestinationSnapshot, ServiceSnapshot } from '../../control/snapshot.js';

export interface ServerLabels {
  /** 'protocol="tcp",service="10.1.0.100:80",server="10.2.0.11:80"' */
  own: Uint8Array;
  /** By node_exporter's names. */
  ipvs: Uint8Array;
}

/** By the servers' names. */
type OfService = Map<string, ServerLabels>;

export class LabelBook {
  /** By the services' labels. */
  private known = new Map<string, OfService>();

  /** Has those that are asked for from now on, and only these, known the next time. */
  begin(): LabelsOfScrape {
    const before = this.known;
    const used = new Map<string, OfService>();
    this.known = used;
    return { ofServers: (service) => serversOf(service, before, used) };
  }
}

interface LabelsOfScrape {
  /** Of each server of a service, in their order. */
  ofServers(service: ServiceSnapshot): ServerLabels[];
}

function serversOf(
  service: ServiceSnapshot,
  before: ReadonlyMap<string, OfService>,
  used: Map<string, OfService>,
): ServerLabels[] {
  const text = serviceLabels(service);
  const known = before.get(text);
  const own: OfService = new Map();
  used.set(text, own);
  return service.destinations.map((server) => {
    const name = endpointName(server);
    const labels = known?.get(name) ?? {
      own: Buffer.from(`${text},server="${name}"`),
      ipvs: Buffer.from(ipvsLabels(service, server)),
    };
    own.set(name, labels);
    return labels;
  });
}

export function serviceLabels(service: ServiceSnapshot): string {
  const name = service.fwmark === 0 ? endpointName(service) : `fwmark ${service.fwmark}`;
  return `protocol="${service.protocol}",service="${name}"`;
}

function ipvsLabels(service: ServiceSnapshot, server: DestinationSnapshot): string {
  const { fwmark, protocol, address, port } = service;
  const local =
    fwmark === 0
      ? `local_address="${address}",local_port="${port}",local_mark="",proto="${protocol.toUpperCase()}"`
      : `local_address="",local_port="0",local_mark="${hexMark(fwmark)}",proto="FWM"`;
  return `${local},remote_address="${server.address}",remote_port="${server.port}"`;
}

/** As /proc/net/ip_vs has it, and so node_exporter. */
function hexMark(mark: number): string {
  return mark.toString(16).toUpperCase().padStart(8, '0');
}
