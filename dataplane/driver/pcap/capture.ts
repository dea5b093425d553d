/**
 * What comes in by one interface. The package hands over frames for as long as there are any, so a flood would keep
 * the event loop from everything else for good. Therefore two sessions take turns:
 *
 *     front  <== frames            front    no new ones: ends when it is empty       back
 *     back                  -->    back <== frames, wait for the event loop   -->    front, which has been empty since
 *
 * Both sockets are one group (PACKET_FANOUT) whose program says which of them gets a frame. It is replaced between two
 * frames, so none is lost, doubled or out of order.
 */
import { chooseReceiver, joinReceivers, attachFilter } from '../tpacket.js';
import type { Pcap } from './addons.js';
import { CaptureSession, type Interface, type OnFrame } from './session.js';

export class Capture {
  private readonly sessions: CaptureSession[] = [];
  /** Which session gets new frames, and which one hands over its own at the moment. */
  private front = 0;
  private current = 0;

  /** Throws where libpcap or the kernel refuses. */
  constructor(pcap: Pcap, source: Interface, onFrame: OnFrame) {
    for (let i = 0; i < 2; i++) {
      const onOwnFrame: OnFrame = (bytes, length) => {
        this.current = i;
        onFrame(bytes, length);
      };
      this.sessions.push(new CaptureSession(pcap, source, onOwnFrame));
    }
    const [first, second] = this.sessions;
    joinReceivers(first.fd, second.fd);
    chooseReceiver(first.fd, this.front);
  }

  /** What comes from now on waits until the event loop has had its turn. To be called while a frame is handed over. */
  takeTurns(): void {
    // Else the frames that wait already would be overtaken.
    if (this.current !== this.front) return;
    this.front = 1 - this.front;
    chooseReceiver(this.sessions[0].fd, this.front);
  }

  /** As RingDriver.attachFilter. */
  attachFilter(program: Uint8Array): void {
    for (const { fd } of this.sessions) attachFilter(fd, program);
  }

  /** False where the network doesn't take the frame now. */
  inject(frame: Uint8Array): boolean {
    return this.sessions[0].inject(frame);
  }

  /** Frames that the kernel had no room for so far. */
  drops(): number {
    return this.sessions.reduce((sum, session) => sum + session.drops(), 0);
  }
}
