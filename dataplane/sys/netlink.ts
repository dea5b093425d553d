/**
 * Netlink sockets: requests to the kernel, lists from it, and its notifications.
 *
 * The kernel works a request off while it is being sent, so the reply is there when `sendto` returns and a
 * request is an ordinary synchronous call of some microseconds.
 */
import { constants } from 'node:os';
import { SysError, check } from './errors.js';
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_SOCKET,
  SO_RCVBUFFORCE,
  SO_SNDBUFFORCE,
  bind,
  close,
  getsockname,
  recvfrom,
  sendto,
  setsockoptInt,
  socket,
} from './libc.js';
import {
  HEADER_BYTES,
  aligned,
  readAttributes,
  readMessages,
  readText,
  type Message,
  type MessageBuilder,
} from './netlink-message.js';

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSGERR_ATTR_MSG = 1;

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

/** struct sockaddr_nl: family 2, padding 2, port id 4, groups 4. */
const SOCKADDR_NL_BYTES = 12;
const RECEIVE_BYTES = 256 * 1024;
const SOCKET_SEND_BYTES = 16 * 1024 * 1024;
const SOCKET_RECEIVE_BYTES = 4 * 1024 * 1024;
/** Datagrams read in one turn of the event loop. */
const DATAGRAMS_MAX = 64;
const DUMP_ATTEMPTS_MAX = 5;

export class NetlinkSocket {
  private sequence = 0;
  private readonly buffer = Buffer.alloc(RECEIVE_BYTES);

  private constructor(readonly fd: number) {}

  /** `what` names the socket in errors; `groups` are the notifications to receive. Throws SysError. */
  static open(protocol: number, what: string, groups: number[] = []): NetlinkSocket {
    const fd = check(`${what} socket`, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    const opened = new NetlinkSocket(fd);
    try {
      const address = Buffer.alloc(SOCKADDR_NL_BYTES);
      address.writeUInt16LE(AF_NETLINK, 0);
      check(`bind of a ${what} socket`, bind(fd, address));
      setsockoptInt(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      setsockoptInt(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      // A batch travels as one datagram, and notifications come in crowds. Refused without privilege,
      // where the default size does.
      setsockoptInt(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_SEND_BYTES);
      setsockoptInt(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_RECEIVE_BYTES);
      for (const group of groups) {
        const result = setsockoptInt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
        check(`joining ${what} group ${group}`, result);
      }
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  }

  /** Tells this socket's requests from those of others in notifications. */
  portId(): number {
    const address = Buffer.alloc(SOCKADDR_NL_BYTES);
    check('getsockname', getsockname(this.fd, address));
    return address.readUInt32LE(4);
  }

  /** Sends a request and waits for the kernel's acknowledgement. `what` names it in a SysError. */
  request(what: string, message: MessageBuilder): void {
    this.transact(what, message.finish(++this.sequence));
  }

  /**
   * Sends messages that are worked off as one. They must have been finished with sequence numbers from
   * `nextSequence`, and at least one must ask for an acknowledgement. Throws the first error as SysError.
   */
  transact(what: string, datagram: Buffer): void {
    const firstSequence = datagram.readUInt32LE(8);
    check(what, sendto(this.fd, datagram, datagram.length, 0));
    let failure: SysError | null = null;
    let replies = 0;
    for (;;) {
      const length = recvfrom(this.fd, this.buffer, this.buffer.length, MSG_DONTWAIT);
      if (length < 0) break;
      readMessages(this.buffer.subarray(0, length), (reply) => {
        if (reply.type !== NLMSG_ERROR || reply.sequence < firstSequence) return;
        replies++;
        failure ??= errorOf(what, reply);
      });
    }
    if (failure !== null) throw failure as SysError;
    if (replies === 0) throw new SysError(what, constants.errno.EIO, 'The kernel gave no answer.');
  }

  nextSequence(): number {
    return ++this.sequence;
  }

  /** Asks for a list and visits its messages. Asks again where the list changed under way. */
  dump(what: string, request: MessageBuilder, visit: (message: Message) => void): void {
    for (let attempt = 1; ; attempt++) {
      const messages: Message[] = [];
      const consistent = this.dumpOnce(what, request, messages);
      if (!consistent && attempt < DUMP_ATTEMPTS_MAX) continue;
      for (const message of messages) visit(message);
      return;
    }
  }

  /**
   * Reads the notifications that are there, a bounded number at a time. Returns 0, or the errno of a failure:
   * ENOBUFS where notifications were lost.
   */
  receive(visit: (message: Message) => void): number {
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      const length = recvfrom(this.fd, this.buffer, this.buffer.length, MSG_DONTWAIT);
      if (length < 0) return length === -constants.errno.EAGAIN ? 0 : -length;
      readMessages(this.buffer.subarray(0, length), visit);
    }
    return 0;
  }

  /** Throws away the notifications that are there; at most as many as the socket has room for. */
  discard(): void {
    const { EAGAIN } = constants.errno;
    let length = 0;
    for (let bytes = 0; length !== -EAGAIN && bytes < SOCKET_RECEIVE_BYTES; bytes += HEADER_BYTES) {
      length = recvfrom(this.fd, this.buffer, this.buffer.length, MSG_DONTWAIT);
    }
  }

  close(): void {
    close(this.fd);
  }

  /** True where the list didn't change while it was read. */
  private dumpOnce(what: string, builder: MessageBuilder, messages: Message[]): boolean {
    const sequence = this.nextSequence();
    const request = builder.finish(sequence);
    check(what, sendto(this.fd, request, request.length, 0));
    const state = { done: false, consistent: true };
    while (!state.done) {
      const length = recvfrom(this.fd, this.buffer, this.buffer.length, MSG_DONTWAIT);
      check(what, length);
      readMessages(Buffer.from(this.buffer.subarray(0, length)), (message) => {
        if (message.sequence !== sequence) return;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) state.consistent = false;
        const failure = errorOf(what, message);
        if (failure !== null) throw failure;
        if (message.type === NLMSG_DONE) state.done = true;
        else messages.push(message);
      });
    }
    return state.consistent;
  }
}

/** The error that an NLMSG_ERROR or NLMSG_DONE brings, null where all is well. */
function errorOf(what: string, message: Message): SysError | null {
  if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) return null;
  if (message.body.length < 4) return null;
  const result = message.body.readInt32LE(0);
  if (result >= 0) return null;
  const explanation = message.type === NLMSG_ERROR ? readExplanation(message) : '';
  const said = explanation === '' ? undefined : `The kernel says: ${explanation}.`;
  return new SysError(what, -result, said);
}

/** The kernel's own words in an NLMSG_ERROR: int error, the request's header or all of it, attributes. */
function readExplanation(message: Message): string {
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return '';
  const requestLength = message.body.readUInt32LE(4);
  const quoted = (message.flags & NLM_F_CAPPED) === 0 ? aligned(requestLength) : HEADER_BYTES;
  const text = readAttributes(message.body.subarray(4 + quoted)).get(NLMSGERR_ATTR_MSG);
  return text === undefined ? '' : readText(text);
}
