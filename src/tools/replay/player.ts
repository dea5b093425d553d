/**
 * Plays a scenario: its commands and packets, at their times, against a director in this process with a clock
 * of its own.
 */
import { MS_PER_TICK } from '../../../dataplane/clock.js';
import { DROP_NAMES } from '../../../dataplane/drops.js';
import type { FrameQueue } from '../../../dataplane/frame-queue.js';
import {
  ANSWER,
  DROP,
  HOLD,
  KERNEL,
  PARK,
  SEND,
  verdictKind,
  verdictValue,
} from '../../../dataplane/verdict.js';
import { ETHERNET_HEADER_BYTES } from '../../../dataplane/wire/ethernet.js';
import { runCommand } from '../../admin/run.js';
import { type Control, ControlError } from '../../control/api.js';
import { ipv4ToText } from '../../control/ipv4.js';
import { packageVersion } from '../../package.js';
import { VirtualServer } from '../../virtual-server/virtual-server.js';
import type { CommandOutcome, PacketOutcome, SentPacket } from './compare.js';
import { layNetwork, nextHopOf, portName, portNumber, writeArrival } from './network.js';
import {
  RECORDED_DEFAULTS,
  RECORDED_NAMES,
  RECORDED_PROGRAM,
  RECORDED_TABLE_SIZE,
} from './recorder.js';
import type { PortName, Scenario } from './scenario.js';

/** Five minutes before the tick counter wraps, so that every replay of more than that crosses the place. */
const START_TICKS = 0x7fffffff - 30_000;
const ADVANCE_BUDGET = 100_000;
const CAPACITY = { connections: 1 << 16, services: 1024, destinations: 4096 };
const HASH_KEY = [0x5eed, 0x0dd] as const;
/** The largest IP packet behind an Ethernet header, somewhere in memory. */
const PACKET_OFFSET = 64;
const MEMORY_BYTES = PACKET_OFFSET + 65_536;

/** The scenario needs something that this director doesn't do. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}

export class Player {
  private now = START_TICKS;
  private readonly server: VirtualServer;
  private readonly control: Control;
  private refusedFeature: string | null = null;
  private readonly memory = new Uint8Array(MEMORY_BYTES);

  /** @throws Unsupported where the scenario as a whole needs what this director doesn't do */
  constructor(scenario: Scenario) {
    if (scenario.marks !== undefined) throw new Unsupported('firewall marks');
    if (scenario.ip6 === true) throw new Unsupported('IPv6');
    this.server = new VirtualServer({
      hashKey: HASH_KEY,
      clock: () => this.now,
      capacity: CAPACITY,
      connectionTableSize: RECORDED_TABLE_SIZE,
    });
    layNetwork(this.server.routes, scenario.mtu);
    this.control = this.watch(this.server);
  }

  /** Lets the time pass up to `atMs` since the start, tick by tick. */
  advanceTo(atMs: number): void {
    const target = (START_TICKS + Math.floor(atMs / MS_PER_TICK)) | 0;
    while (this.now !== target) {
      this.now = (this.now + 1) | 0;
      while (this.server.advance(this.now, ADVANCE_BUDGET));
    }
  }

  /** @throws Unsupported */
  async set(settings: Readonly<Record<string, number | string>>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) {
      const built = await this.server.settings();
      if (Object.hasOwn(built, name)) await this.setOne(name, Number(value));
      else if (String(value) !== RECORDED_DEFAULTS[name]) throw new Unsupported(`setting ${name}`);
    }
  }

  private async setOne(name: string, value: number): Promise<void> {
    try {
      await this.server.setSetting(name, value);
    } catch (error) {
      throw error instanceof ControlError ? new Unsupported(error.message) : error;
    }
  }

  /** @throws Unsupported where the director refused the command because it can't do that yet */
  async command(argv: string[], stdin: string): Promise<CommandOutcome> {
    const outcome = { exit: 0, stdout: '', stderr: '' };
    const collect = (stream: 'stdout' | 'stderr') => ({
      write: (text: string) => {
        outcome[stream] += text;
      },
    });
    outcome.exit = await runCommand(argv, stdin, {
      control: this.control,
      names: RECORDED_NAMES,
      stdout: collect('stdout'),
      stderr: collect('stderr'),
      programName: RECORDED_PROGRAM,
      version: packageVersion(),
    });
    if (this.refusedFeature !== null) throw new Unsupported(this.refusedFeature);
    return outcome;
  }

  /** Lets a packet arrive. */
  packet(port: PortName, packet: Uint8Array): PacketOutcome {
    const number = portNumber(port);
    const frame = PACKET_OFFSET - ETHERNET_HEADER_BYTES;
    this.memory.set(packet, PACKET_OFFSET);
    writeArrival(this.memory, PACKET_OFFSET, packet.length, number);
    const length = ETHERNET_HEADER_BYTES + packet.length;
    const { engine, routes } = this.server;
    const verdict = engine.process(this.memory, frame, length, number, 0, this.now);
    const value = verdictValue(verdict);
    const nothing = { sent: [], leftToKernel: false };
    switch (verdictKind(verdict)) {
      case SEND: {
        const sent = this.memory.slice(frame, frame + length);
        return { ...nothing, sent: [sentPacket(sent, value)], verdict: 'sent' };
      }
      case ANSWER: {
        return { ...nothing, sent: sentAnswers(engine.answers, value), verdict: 'answered' };
      }
      case KERNEL:
        return { ...nothing, leftToKernel: true, verdict: 'left to the kernel' };
      case PARK: {
        const hop = ipv4ToText(routes.addressOf(value));
        return { ...nothing, verdict: `waits for the MAC address of ${hop}` };
      }
      case DROP:
        return { ...nothing, verdict: `dropped, ${DROP_NAMES[value]}` };
      case HOLD:
        return { ...nothing, verdict: 'held until its other fragments come' };
      default:
        throw new Error(`the engine gave no verdict: ${verdict}`);
    }
  }

  /** The director's control, with a look at what it refuses because it isn't built. */
  private watch(control: Control): Control {
    const note = (error: unknown): never => {
      if (error instanceof ControlError && error.errno === 'EOPNOTSUPP') {
        this.refusedFeature ??= error.message;
      }
      throw error;
    };
    return new Proxy(control, {
      get: (target, name: keyof Control) => {
        const method = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          const result = method.apply(target, args);
          return result instanceof Promise ? result.catch(note) : result;
        };
      },
    });
  }
}

function sentAnswers(answers: FrameQueue, port: number): SentPacket[] {
  return Array.from({ length: answers.count }, (_, i) => {
    const start = answers.offset[i];
    return sentPacket(answers.memory.slice(start, start + answers.length[i]), port);
  });
}

function sentPacket(frame: Uint8Array, port: number): SentPacket {
  return {
    if: portName(port),
    packet: frame.subarray(ETHERNET_HEADER_BYTES),
    nextHop: nextHopOf(frame),
  };
}
