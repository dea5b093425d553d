/**
 * A new connection: which service it is for, which destination it gets, and what of persistence has to be
 * looked up or set up (ip_vs_core.c: tcp_conn_schedule, ip_vs_schedule, ip_vs_sched_persist).
 */
import * as rec from '../conn/record.js';
import { makeVerdict, DROP } from '../verdict.js';
import { dropReason } from '../drops.js';
import type { Accounting } from '../engine/accounting.js';
import type { State } from '../state.js';
import { RST, SYN } from '../wire/tcp.js';
import type { Lifecycle } from './connections.js';
import type { Defence } from './defence.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const TCP = 6;
const FTP_PORT = 21;
const FTP_DATA_PORT = 20;
/** Ports of a template that must not be used again. */
const RETIRED_PORT = 0xffff;

const DROP_PACKET = makeVerdict(DROP, dropReason('drop_packet'));
const DROP_FIRST_SYN = makeVerdict(DROP, dropReason('drop_first_syn'));
const DROP_TABLE_FULL = makeVerdict(DROP, dropReason('table_full'));
const DROP_CHAIN_LIMIT = makeVerdict(DROP, dropReason('chain_limit'));

/** `Scheduling.begin` found no destination and the client is to be told so. */
export const NO_DESTINATION = 0;
/** The packet is not for us after all: it is the kernel's. */
export const NOT_OURS = -1;
/** A connection was refused; `Scheduling.refusal` is the verdict. */
export const REFUSED = -2;

export class Scheduling {
  /** The verdict for a connection that was refused. */
  refusal = 0;
  private readonly words: Int32Array;

  constructor(
    private readonly state: State,
    private readonly lifecycle: Lifecycle,
    private readonly accounting: Accounting,
    private readonly defence: Defence,
  ) {
    this.words = state.connections.words;
  }

  /**
   * A TCP packet of a client to a local address that belongs to no connection.
   * @returns the new connection, or NO_DESTINATION, NOT_OURS, REFUSED
   */
  begin(
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    tcpFlags: number,
    now: number,
  ): number {
    if ((tcpFlags & RST) !== 0) return NOT_OURS;
    if ((tcpFlags & SYN) === 0 && this.state.settings.sloppyTcp === 0) return NOT_OURS;
    const { services } = this.state;
    const service = services.lookup(TCP, virtual, virtualPort);
    if (service === 0) return NOT_OURS;
    const isSyn = (tcpFlags & SYN) !== 0;
    if (isSyn && this.defence.dropsFirstSyn(client, clientPort, virtual, virtualPort, now)) {
      return this.refuse(DROP_FIRST_SYN);
    }
    if (this.defence.dropsPacket()) return this.refuse(DROP_PACKET);
    // Active FTP's data connections come from the server; as a client such a port is left alone.
    if (clientPort === FTP_DATA_PORT) return NOT_OURS;
    const connection = services.isPersistent(service)
      ? this.schedulePersistent(service, client, clientPort, virtual, virtualPort, now)
      : this.schedulePlain(service, client, clientPort, virtual, virtualPort, now);
    if (connection > 0) {
      this.accounting.connection(this.words[connection * WORDS + rec.W_SERVER]);
    } else if (connection === NO_DESTINATION) {
      const isFtpData = services.port(service) === FTP_PORT && virtualPort !== FTP_PORT;
      if (isFtpData) return NOT_OURS;
    }
    return connection;
  }

  private schedulePlain(
    service: number,
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    now: number,
  ): number {
    const { services, destinations } = this.state;
    if (virtualPort !== services.port(service)) return NO_DESTINATION;
    const destination = this.pick(service, client, clientPort, virtual, now);
    if (destination === 0) return NO_DESTINATION;
    const port = destinations.port(destination);
    return this.connect(
      client,
      clientPort,
      virtual,
      virtualPort,
      destination,
      port === 0 ? virtualPort : port,
    );
  }

  private schedulePersistent(
    service: number,
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    now: number,
  ): number {
    const { services, destinations } = this.state;
    const servicePort = services.port(service);
    const network = client & services.netmask(service);
    // FTP and port-0 services keep one template for all ports of the VIP.
    const perPort = virtualPort === servicePort && servicePort !== FTP_PORT;
    const templatePort = perPort ? virtualPort : 0;
    let template = this.findTemplate(network, virtual, templatePort);
    if (template === 0) {
      const destination = this.pick(service, client, clientPort, virtual, now);
      if (destination === 0) return NO_DESTINATION;
      template = this.createTemplate(
        service,
        network,
        virtual,
        templatePort,
        destination,
        perPort,
        now,
      );
      if (template <= 0) return template;
    }
    const destination = this.words[template * WORDS + rec.W_SERVER];
    const mapped = destinations.port(destination);
    const port = virtualPort === servicePort && mapped !== 0 ? mapped : virtualPort;
    const connection = this.connect(client, clientPort, virtual, virtualPort, destination, port);
    if (connection > 0) this.lifecycle.control(connection, template);
    this.lifecycle.restartTimer(template, now);
    return connection;
  }

  /** A usable template; one whose destination is gone or retired gets ports nobody looks for. */
  private findTemplate(network: number, virtual: number, port: number): number {
    const { connections, destinations, settings } = this.state;
    const template = connections.findTemplate(TCP, network, virtual, port);
    if (template === 0) return 0;
    const destination = this.words[template * WORDS + rec.W_SERVER];
    const isQuiescent = destinations.weight(destination) === 0;
    if (
      destinations.isAvailable(destination) &&
      !(settings.expireQuiescentTemplate !== 0 && isQuiescent)
    ) {
      return template;
    }
    connections.retirePorts(template, RETIRED_PORT, RETIRED_PORT);
    return 0;
  }

  private createTemplate(
    service: number,
    network: number,
    virtual: number,
    port: number,
    destination: number,
    perPort: boolean,
    now: number,
  ): number {
    if (this.state.connections.isChainFull(TCP, network, 0)) return this.refuse(DROP_CHAIN_LIMIT);
    const template = this.lifecycle.create(
      TCP,
      network,
      0,
      virtual,
      port,
      destination,
      perPort ? this.state.destinations.port(destination) : 0,
      true,
    );
    if (template === 0) return this.refuse(DROP_TABLE_FULL);
    this.words[template * WORDS + rec.W_TIMEOUT] = this.state.services.timeout(service);
    this.lifecycle.startTimer(template, now);
    return template;
  }

  private connect(
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    destination: number,
    port: number,
  ): number {
    if (this.state.connections.isChainFull(TCP, client, clientPort)) {
      return this.refuse(DROP_CHAIN_LIMIT);
    }
    const connection = this.lifecycle.create(
      TCP,
      client,
      clientPort,
      virtual,
      virtualPort,
      destination,
      port,
      false,
    );
    return connection === 0 ? this.refuse(DROP_TABLE_FULL) : connection;
  }

  private pick(
    service: number,
    client: number,
    clientPort: number,
    virtual: number,
    now: number,
  ): number {
    const scheduler = this.state.schedulers[service];
    if (scheduler === undefined) return 0;
    // What was decided ahead comes first: the kernel takes the next one.
    const prepared = this.lifecycle.fastPath?.takeOpening(service, now) ?? 0;
    const destination =
      prepared === 0 ? scheduler.pick(client, clientPort, virtual, now) : prepared;
    const { statistics } = this.state;
    statistics.countDecision(this.state.serviceBlock(service), destination !== 0);
    return destination;
  }

  private refuse(verdict: number): number {
    this.refusal = verdict;
    return REFUSED;
  }
}
