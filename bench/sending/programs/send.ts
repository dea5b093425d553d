/**
 * Sends small packets for some seconds: `node send.js frames|packets INTERFACE DESTINATION MAC SECONDS`. Frames go through
 * npm's pcap, packets through npm's raw-socket with IP_HDRINCL. Prints how many a second.
 */
import { createSocket, SocketLevel, SocketOption } from 'raw-socket';
import { loadPcap } from '../../../dataplane/driver/pcap/addons.js';
import { CaptureSession } from '../../../dataplane/driver/pcap/session.js';
import { writeEthertype, ETHERTYPE_IPV4 } from '../../../dataplane/wire/ethernet.js';
import { writeHeader } from '../../../dataplane/wire/ipv4.js';
import { ipv4FromText } from '../../../src/control/ipv4.js';

const ETHERNET_BYTES = 14;
const PACKET_BYTES = 40;
/** For experiments (RFC 3692): nobody answers. */
const PROTOCOL = 253;
/** Sends whole packets, receives nothing. */
const IPPROTO_RAW = 255;
const BATCH = 256;

const [kind, name, destination, mac, seconds] = process.argv.slice(2);
const frame = new Uint8Array(ETHERNET_BYTES + PACKET_BYTES);
frame.set(Buffer.from(mac.replaceAll(':', ''), 'hex'));
writeEthertype(frame, 0, ETHERTYPE_IPV4);
const to = ipv4FromText(destination) ?? 0;
writeHeader(frame, ETHERNET_BYTES, 0, PACKET_BYTES, 0, 0, 64, PROTOCOL, to + 200, to);

const start = performance.now();
const end = start + Number(seconds) * 1000;
let sent = 0;

function report(): void {
  const elapsed = (performance.now() - start) / 1000;
  process.stdout.write(`${Math.round(sent / elapsed)}\n`, () => process.exit());
}

function sendFrames(): void {
  const session = new CaptureSession(
    loadPcap(),
    { name, mac: frame.subarray(6, 12) },
    () => undefined,
  );
  while (performance.now() < end) {
    for (let i = 0; i < BATCH; i++) if (session.inject(frame)) sent += 1;
  }
  report();
}

function count(error: Error | null): void {
  if (error === null) sent += 1;
}

function sendPackets(): void {
  const socket = createSocket({ protocol: IPPROTO_RAW });
  socket.setOption(SocketLevel.IPPROTO_IP, SocketOption.IP_HDRINCL, 1);
  const packet = Buffer.from(frame.subarray(ETHERNET_BYTES));
  const next = (): void => {
    if (performance.now() >= end) {
      report();
      return;
    }
    for (let i = 0; i < BATCH; i++) {
      const onSent = i < BATCH - 1 ? count : countAndGoOn;
      socket.send(packet, 0, packet.length, destination, onSent);
    }
  };
  const countAndGoOn = (error: Error | null): void => {
    count(error);
    next();
  };
  next();
}

if (kind === 'frames') sendFrames();
else sendPackets();
