/**
 * The labels of services and servers as they stand in a line, in bytes. Those of servers are kept from one scrape to
 * the next: made anew each time, ten thousand of them keep the garbage collector busy, for which everything stops.
 */
import type { DestinationKey, ServiceKey } from '../../control/api.js';
import { ipv4ToText } from '../../control/ipv4.js';
import { endpointName } from '../../control/names.js';

export interface ServerLabels {
  /** 'protocol="tcp",service="10.1.0.100:80",server="10.2.0.11:80"' */
  own: Uint8Array;
  /** By node_exporter's names. */
  ipvs: Uint8Array;
}

/** Gives the labels of a service's server, by its address as int32. */
export type LabelsOfServers = (address: number, port: number) => ServerLabels;

/** By address and port in one number. */
type OfService = Map<number, ServerLabels>;

const PORTS = 0x10000;

export class LabelBook {
  /** By the services' labels. */
  private known = new Map<string, OfService>();

  /** Has those that are asked for from now on, and only these, known the next time. */
  begin(): (service: ServiceKey) => LabelsOfServers {
    const before = this.known;
    const used = new Map<string, OfService>();
    this.known = used;
    return (service) => {
      const text = serviceLabels(service);
      const known = before.get(text);
      const own: OfService = new Map();
      used.set(text, own);
      return (address, port) => {
        const key = (address >>> 0) * PORTS + port;
        const labels = known?.get(key) ?? serverLabels(service, text, address, port);
        own.set(key, labels);
        return labels;
      };
    };
  }
}

export function serviceLabels(service: ServiceKey): string {
  const name = service.fwmark === 0 ? endpointName(service) : `fwmark ${service.fwmark}`;
  return `protocol="${service.protocol}",service="${name}"`;
}

function serverLabels(
  service: ServiceKey,
  text: string,
  address: number,
  port: number,
): ServerLabels {
  const server = { family: 'inet' as const, address: ipv4ToText(address), port };
  return {
    own: Buffer.from(`${text},server="${endpointName(server)}"`),
    ipvs: Buffer.from(ipvsLabels(service, server)),
  };
}

function ipvsLabels(
  { fwmark, protocol, address, port }: ServiceKey,
  server: DestinationKey,
): string {
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
