/** Which destination of a service has an address and port: for services with thousands of them. */

const PORTS = 0x10000;

export class DestinationIndex {
  /** By service, then by address * 2^16 + port. */
  private readonly services = new Map<number, Map<number, number>>();

  /** 0 where there is none. */
  find(service: number, address: number, port: number): number {
    return this.services.get(service)?.get(address * PORTS + port) ?? 0;
  }

  add(service: number, address: number, port: number, destination: number): void {
    let endpoints = this.services.get(service);
    if (endpoints === undefined) this.services.set(service, (endpoints = new Map()));
    endpoints.set(address * PORTS + port, destination);
  }

  remove(service: number, address: number, port: number): void {
    const endpoints = this.services.get(service);
    endpoints?.delete(address * PORTS + port);
    if (endpoints?.size === 0) this.services.delete(service);
  }

  clear(): void {
    this.services.clear();
  }
}
