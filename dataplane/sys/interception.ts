/**
 * Hides the packets of virtual services from the kernel, which would answer them with RST.
 *
 *     table netdev NAME {
 *       set virtual_endpoints { type ipv4_addr . inet_service }    destinations of clients' packets
 *       set virtual_hosts     { type ipv4_addr }                   the same, on all ports
 *       set real_endpoints    { type ipv4_addr . inet_service }    sources of servers' packets
 *       set real_hosts        { type ipv4_addr }
 *       chain ingress_d0 { type filter hook ingress device "d0" priority 0
 *                          host-addressed, untagged, IPv4, TCP, fragment offset 0 : jump capture }
 *                          the same with ICMP type 3, 4 or 11, not a fragment           : jump capture_errors }
 *       chain capture        { ip daddr . tcp dport @virtual_endpoints drop ... one rule a set }
 *       chain capture_errors { the same of the TCP packet that is quoted, the other way round }
 *     }
 *
 * A packet socket gets its copy before this hook, so the director still sees what is dropped here. Frames to
 * other hosts, as on a bridge's ports, and frames with a VLAN tag, which belong to a VLAN's interface, pass.
 *
 * Later fragments have no ports, so nobody can tell whose they are: they pass. The kernel can do nothing with
 * those of a hidden first fragment; it collects them for a while, or forwards them to a host that does. Were
 * they dropped, a fragmented packet of the director's own or of a server's would be lost.
 *
 * ICMP errors about balanced packets are hidden, too, or the kernel would forward a server's untranslated. Of
 * errors with IP options, outside or quoted, it still does.
 *
 * The table stays when its process dies: the kernel must not answer while the director is restarted. When
 * somebody removes it ("nft flush ruleset", as a firewall's reload does), it is put back at once.
 *
 * A hook goes with its device, and with newer kernels (6.16) with the device's name. So this listens for links
 * itself: an interface that is made anew or renamed is hooked again before anybody else has heard of it. What
 * comes meanwhile by the interface of another name meets a second line of defence, for TCP:
 *
 *     table ip NAME_guard {
 *       the same sets and chain capture
 *       chain guard_input   { type filter hook input priority -450; iif 2, TCP, fragment offset 0 : jump capture }
 *       chain guard_forward { type filter hook forward priority -450; the same, and oif other than 2 }
 *     }
 */
import { isDeepStrictEqual } from 'node:util';
import { SysError } from './errors.js';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink.js';
import {
  addCaptureRules,
  addErrorRules,
  addGuardChains,
  addIngressChain,
} from './interception-rules.js';
import {
  SET_NAMES,
  difference,
  elementsOf,
  isPairs,
  keysOf,
  mapSets,
  merge,
  type Elements,
  type Endpoints,
} from './interception-sets.js';
import {
  NFNLGRP_NFTABLES,
  NFPROTO_IPV4,
  NFPROTO_NETDEV,
  NFT_MSG_DELTABLE,
  TableChange,
  openNftables,
  tableName,
} from './nftables.js';
import { followInterfaces, type KnownPort } from './interfaces.js';
import { waitReadable, type Readable } from './readable.js';
import { RTM_DELLINK, RTNLGRP_LINK, parseRemovedLink, readLinks } from './rtnetlink.js';

export type { Endpoint, Endpoints } from './interception-sets.js';

export interface InterceptionOptions {
  tableName: string;
  interfaces: readonly KnownPort[];
  /** Called with a sentence for people when somebody else has removed the table; it is back by then. */
  onTampering?: (description: string) => void;
  /** Called when an interface that has come back can't be intercepted on. */
  onFailure?: (error: SysError) => void;
}

/** Attempts to hook interfaces that come and go meanwhile. */
const ATTEMPTS_MAX = 5;

// nft's numbers of types, by which it knows how to show a set.
const TYPE_IPV4_ADDR = 7;
const TYPE_INET_SERVICE = 13;
const TYPE_BITS = 6;

export class Interception {
  private readonly socket: NetlinkSocket;
  private readonly links: NetlinkSocket;
  private readonly notifications: NetlinkSocket;
  private readonly linkNotifications: NetlinkSocket;
  private readonly readables: Readable[];
  private readonly ownPortId: number;
  private readonly tableName: string;
  private readonly onTampering: (description: string) => void;
  private readonly onFailure: (error: SysError) => void;
  private interfaces: readonly KnownPort[];
  /** The devices that have hooks: indexes by name. */
  private hooked = new Map<string, number>();
  /** What the kernel's sets hold; null until the first update. */
  private elements: Elements | null = null;

  /**
   * Prepares interception without changing anything: what a dead director hides stays hidden until the first
   * `update`. Throws SysError.
   */
  static open(options: InterceptionOptions): Interception {
    return new Interception(options);
  }

  private constructor(options: InterceptionOptions) {
    this.tableName = options.tableName;
    this.interfaces = options.interfaces;
    this.onTampering = options.onTampering ?? (() => {});
    this.onFailure = options.onFailure ?? (() => {});
    this.socket = openNftables();
    this.ownPortId = this.socket.portId();
    this.links = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink');
    this.notifications = openNftables([NFNLGRP_NFTABLES]);
    this.linkNotifications = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink', [RTNLGRP_LINK]);
    this.readables = [
      waitReadable(this.notifications.fd, (errno) => this.onReadable(errno)),
      waitReadable(this.linkNotifications.fd, () => this.onLinks()),
    ];
  }

  /** Hides exactly these from the kernel, at once. Where it throws, everything is as it was. */
  update(endpoints: Endpoints): void {
    const wanted = elementsOf(endpoints);
    const present = this.elements;
    if (present === null) this.rebuild(wanted);
    else this.changeElements(present, difference(wanted, present), difference(present, wanted));
  }

  /**
   * Hides these as well and gives those back, at once, at a cost that depends on the change only. There must
   * have been an `update` before. Where it throws, everything is as it was.
   */
  change(added: Endpoints, removed: Endpoints): void {
    if (this.elements === null) throw new Error('interception is changed before it began');
    this.changeElements(this.elements, elementsOf(added), elementsOf(removed));
  }

  /** Intercepts on exactly these interfaces, those that exist. Throws SysError. */
  setInterfaces(interfaces: readonly KnownPort[]): void {
    this.interfaces = interfaces;
    if (this.elements === null) return;
    const devices = this.presentInterfaces();
    const isHooked = devices.every((device) => this.isHooked(device));
    if (!isHooked || devices.length !== this.hooked.size) this.rebuild(this.elements);
  }

  /** Takes the table away: the kernel sees everything again. */
  remove(): void {
    new TableChange(this.socket, NFPROTO_NETDEV, this.tableName)
      .replaceTable()
      .deleteTable()
      .inTable(NFPROTO_IPV4, guardOf(this.tableName))
      .replaceTable()
      .deleteTable()
      .commit('ending interception');
    this.elements = null;
    this.hooked.clear();
  }

  /** Lets go of the table without removing it. */
  close(): void {
    for (const readable of this.readables) readable.stop();
    this.notifications.close();
    this.linkNotifications.close();
    this.links.close();
    this.socket.close();
  }

  private onReadable(errno: number): void {
    let isGone = false;
    const failure = this.notifications.receive(({ type, portId, body }) => {
      if (type !== NFT_MSG_DELTABLE || portId === this.ownPortId) return;
      const name = body[0] === NFPROTO_NETDEV ? this.tableName : guardOf(this.tableName);
      isGone ||= tableName(body) === name;
    });
    // After lost notifications nobody knows.
    if ((!isGone && errno === 0 && failure === 0) || this.elements === null) return;
    try {
      this.rebuild(this.elements);
      if (isGone) this.onTampering(`somebody removed nf_tables table ${this.tableName}; restored`);
    } catch (error) {
      const reason = (error as Error).message;
      this.onTampering(
        `nf_tables table ${this.tableName} is gone and can't be restored: ${reason}`,
      );
    }
  }

  private onLinks(): void {
    const failure = this.linkNotifications.receive((message) => {
      if (message.type !== RTM_DELLINK) return;
      const removed = parseRemovedLink(message);
      for (const [name, ifindex] of this.hooked) if (ifindex === removed) this.hooked.delete(name);
    });
    // After lost notifications nobody knows which hooks are left.
    if (failure !== 0) this.hooked.clear();
    try {
      this.followLinks();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.onFailure(error);
    }
  }

  /** Hooks the interfaces that are there anew or under another name. */
  private followLinks(): void {
    if (this.elements === null) return;
    const isHooked = this.presentInterfaces().every((device) => this.isHooked(device));
    if (!isHooked) this.rebuild(this.elements);
  }

  private isHooked({ name, ifindex }: KnownPort): boolean {
    return this.hooked.get(name) === ifindex;
  }

  private changeElements(present: Elements, more: Elements, less: Elements): void {
    const change = new TableChange(this.socket, NFPROTO_NETDEV, this.tableName);
    changeSets(change, more, less);
    changeSets(change.inTable(NFPROTO_IPV4, guardOf(this.tableName)), more, less);
    try {
      change.commit('changing interception');
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      // Somebody has changed the table.
      this.rebuild(
        merge(
          mapSets((name) => new Set(present[name])),
          more,
          less,
        ),
      );
      return;
    }
    merge(present, more, less);
  }

  /** Puts the table in place anew, with hooks on all interfaces there are. */
  private rebuild(wanted: Elements): void {
    for (let attempt = 1; ; attempt++) {
      const devices = this.presentInterfaces();
      try {
        this.replaceTable(wanted, devices);
        return;
      } catch (error) {
        // One that has gone meanwhile has the kernel refuse all of it.
        const isStale = !isDeepStrictEqual(this.presentInterfaces(), devices);
        if (!(error instanceof SysError) || !isStale || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  private replaceTable(wanted: Elements, devices: readonly KnownPort[]): void {
    const change = new TableChange(this.socket, NFPROTO_NETDEV, this.tableName);
    fillTables(change, this.tableName, wanted, devices);
    change.commit(`intercepting on ${devices.map(({ name }) => name).join(', ')}`);
    this.elements = wanted;
    this.hooked = new Map(devices.map(({ name, ifindex }) => [name, ifindex]));
  }

  /** Those of the interfaces that exist, under the names they have now. */
  private presentInterfaces(): KnownPort[] {
    const links = followInterfaces(this.interfaces, readLinks(this.links));
    this.interfaces = this.interfaces.map(({ name }, i) => ({
      name: links[i]?.name ?? name,
      ifindex: links[i]?.ifindex ?? 0,
    }));
    return this.interfaces.filter(({ ifindex }) => ifindex !== 0);
  }
}

/**
 * Finds out whether the kernel could intercept on these interfaces, without changing anything. Throws SysError
 * where it couldn't.
 */
export function rehearseInterception(tableName: string, names: readonly string[]): void {
  const socket = openNftables();
  try {
    const change = new TableChange(socket, NFPROTO_NETDEV, tableName);
    const devices = names.map((name) => ({ name, ifindex: 0 }));
    fillTables(change, tableName, elementsOf({ virtual: [], real: [] }), devices);
    change.rehearse(`intercepting on ${names.join(', ')}`);
  } finally {
    socket.close();
  }
}

function changeSets(change: TableChange, more: Elements, less: Elements): void {
  for (const name of SET_NAMES) {
    change.deleteElements(name, keysOf(name, less[name]));
    change.addElements(name, keysOf(name, more[name]));
  }
}

function fillTables(
  change: TableChange,
  tableName: string,
  wanted: Elements,
  devices: readonly KnownPort[],
): void {
  fillTable(change.inTable(NFPROTO_NETDEV, tableName), wanted);
  addErrorRules(change);
  for (const { name } of devices) addIngressChain(change, name);
  fillTable(change.inTable(NFPROTO_IPV4, guardOf(tableName)), wanted);
  const ifindexes = devices.map(({ ifindex }) => ifindex);
  addGuardChains(change, ifindexes);
}

function fillTable(change: TableChange, wanted: Elements): void {
  change.replaceTable();
  for (const name of SET_NAMES) {
    const type = isPairs(name) ? (TYPE_IPV4_ADDR << TYPE_BITS) | TYPE_INET_SERVICE : TYPE_IPV4_ADDR;
    change.addSet(name, type, isPairs(name) ? 8 : 4);
    change.addElements(name, keysOf(name, wanted[name]));
  }
  addCaptureRules(change);
}

function guardOf(tableName: string): string {
  return `${tableName}_guard`;
}
