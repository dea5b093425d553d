/**
 * Programs at an interface's ingress, by traffic control: a clsact queueing discipline, and in it a filter of kind bpf
 * with direct action, beside those of others. Both go with the interface. Sources: linux/pkt_sched.h, pkt_cls.h; tc-bpf(8).
 *
 *     struct tcmsg:  family 1, - 3, ifindex 4, handle 4, parent 4, info 4 (of a filter: priority << 16 | protocol)
 */
import { constants } from 'node:os';
import { SysError } from '../errors.js';
import { NETLINK_ROUTE, NetlinkSocket } from '../netlink.js';
import {
  MessageBuilder,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  readAttributes,
  readText,
} from '../netlink-message.js';

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;
const NLM_F_EXCL = 0x200;
const TCMSG_BYTES = 20;
const CLSACT_HANDLE = 0xffff_0000;
const CLSACT_PARENT = 0xffff_fff1;
const INGRESS = 0xffff_fff2;
const EGRESS = 0xffff_fff3;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
const TCA_BPF_FLAG_ACT_DIRECT = 1;
/** ETH_P_ALL in network order. */
const ALL_PROTOCOLS = 0x0300;
/**
 * First: a program before it may end all filtering (TC_ACT_OK), and then nobody would have a flow's packets. Its
 * handle, "uvs", is not one that others' programs of the same priority are given.
 */
const PRIORITY = 1;
const FILTER_HANDLE = 0x75_7673;

/** Begins to run the program (a descriptor) on what comes in, or runs it instead of the one before. Throws SysError. */
export function attachToIngress(ifindex: number, program: number, name: string): void {
  withRouteSocket((netlink) => {
    addQdisc(netlink, ifindex);
    const flags = NLM_F_CREATE | NLM_F_ACK;
    const message = new MessageBuilder(RTM_NEWTFILTER, flags, filterHeader(ifindex))
      .text(TCA_KIND, 'bpf')
      .nest(TCA_OPTIONS, (options) =>
        options
          .u32(TCA_BPF_FD, program)
          .text(TCA_BPF_NAME, name)
          .u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT),
      );
    netlink.request('attaching a program to an interface', message);
  });
}

/** Removes what `attachToIngress` has made; others' filters stay. False where there was nothing. Throws SysError. */
export function detachFromIngress(ifindex: number, name: string): boolean {
  return withRouteSocket((netlink) => {
    if (!filters(netlink, ifindex, INGRESS).includes(name)) return false;
    const message = new MessageBuilder(RTM_DELTFILTER, NLM_F_ACK, filterHeader(ifindex));
    netlink.request('detaching a program', message.text(TCA_KIND, 'bpf'));
    const left = [INGRESS, EGRESS].flatMap((hook) => filters(netlink, ifindex, hook));
    if (left.length > 0) return true;
    const header = tcmsg(ifindex, CLSACT_HANDLE, CLSACT_PARENT, 0);
    const qdisc = new MessageBuilder(RTM_DELQDISC, NLM_F_ACK, header).text(TCA_KIND, 'clsact');
    netlink.request('removing a queueing discipline', qdisc);
    return true;
  });
}

function addQdisc(netlink: NetlinkSocket, ifindex: number): void {
  const flags = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
  const header = tcmsg(ifindex, CLSACT_HANDLE, CLSACT_PARENT, 0);
  try {
    const message = new MessageBuilder(RTM_NEWQDISC, flags, header).text(TCA_KIND, 'clsact');
    netlink.request('adding a queueing discipline', message);
  } catch (error) {
    if (!(error instanceof SysError) || error.errno !== constants.errno.EEXIST) throw error;
  }
}

/** Names of the filters of kind bpf at a hook of an interface; of others their kinds. */
function filters(netlink: NetlinkSocket, ifindex: number, hook: number): string[] {
  const names: string[] = [];
  const request = new MessageBuilder(RTM_GETTFILTER, NLM_F_DUMP, tcmsg(ifindex, 0, hook, 0));
  netlink.dump('listing filters', request, ({ body }) => {
    const attributes = readAttributes(body.subarray(TCMSG_BYTES));
    // Each priority is listed by itself as well, without a handle.
    if (body.readUInt32LE(8) === 0) return;
    const options = attributes.get(TCA_OPTIONS);
    const name = options && readAttributes(options).get(TCA_BPF_NAME);
    names.push(readText(name ?? attributes.get(TCA_KIND) ?? Buffer.alloc(1)));
  });
  return names;
}

function filterHeader(ifindex: number): Uint8Array {
  return tcmsg(ifindex, FILTER_HANDLE, INGRESS, PRIORITY * 0x1_0000 + ALL_PROTOCOLS);
}

function tcmsg(ifindex: number, handle: number, parent: number, info: number): Uint8Array {
  const header = Buffer.alloc(TCMSG_BYTES);
  header.writeInt32LE(ifindex, 4);
  header.writeUInt32LE(handle, 8);
  header.writeUInt32LE(parent, 12);
  header.writeUInt32LE(info, 16);
  return header;
}

function withRouteSocket<T>(use: (netlink: NetlinkSocket) => T): T {
  const netlink = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink');
  try {
    return use(netlink);
  } finally {
    netlink.close();
  }
}
