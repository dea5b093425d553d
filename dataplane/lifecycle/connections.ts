/**
 * How connections and templates come, live and go (ip_vs_conn.c): made and bound to a destination, moved
 * through the TCP states, kept by their timer, postponed while they control others, removed.
 */
import * as rec from '../conn/record.js';
import {
  ESTABLISHED,
  IS_ACTIVE,
  IS_HALF_OPEN,
  IS_OVER,
  nextState,
  OUTPUT,
  SYN_RECV,
} from '../conn/states.js';
import { MOVED_ON, NOTHING_DUE } from '../conn/wheel.js';
import { TICKS_PER_SECOND, ticksUntil } from '../clock.js';
import type { State } from '../state.js';
import type { FastPath } from './fast-path.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const META = rec.W_META;
const FLAGS = rec.W_FLAGS;
const SERVER = rec.W_SERVER;
const TIMEOUT = rec.W_TIMEOUT;
const DEADLINE = rec.W_DEADLINE;
const CONTROLLER = rec.W_CONTROLLER;
const CHILDREN = rec.W_CHILDREN;
const INACTIVE = rec.F_INACTIVE;
const TEMPLATE = rec.F_TEMPLATE;
const OVERDUE = rec.F_OVERDUE;
const ANSWERED = rec.F_ANSWERED;

/** A connection that has not seen its first transition yet. */
const INITIAL_TIMEOUT_TICKS = 3 * TICKS_PER_SECOND;
/** How much longer a connection lives that controls others when its time is up. */
const POSTPONE_TICKS = 60 * TICKS_PER_SECOND;
const LATENESS_MAX_TICKS = 2048;

/**
 * How late the kernel's timer wheel fires a timer of this length, on average: half the coarseness of the wheel's
 * level (kernel/time/timer.c, HZ=100). A template whose time is up waits that long for its last connections,
 * which in the kernel mostly fire in the same slot and before it.
 */
function kernelLatenessTicks(timeoutTicks: number): number {
  if (timeoutTicks < 504) return 4;
  if (timeoutTicks < 4032) return 32;
  return timeoutTicks < 32_256 ? 256 : LATENESS_MAX_TICKS;
}

export class Lifecycle {
  /** Connections whose handshake isn't complete. */
  halfOpen = 0;
  /** Connections that the kernel forwards; set by whoever has it do so. */
  fastPath: FastPath | null = null;
  private readonly words: Int32Array;
  /** Next record the sweep of connections without a destination looks at; 0 while none runs. */
  private sweepCursor = 0;

  constructor(private readonly state: State) {
    this.words = state.connections.words;
  }

  /**
   * Makes a connection (or template) to a destination and puts it into the table. Its timer is to be started
   * by `startTimer` once its timeout is known.
   * @returns 0 where the table is full
   */
  create(
    protocol: number,
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    destination: number,
    destinationPort: number,
    isTemplate: boolean,
  ): number {
    const { connections, destinations } = this.state;
    const c = connections.allocate(
      protocol,
      client,
      clientPort,
      virtual,
      virtualPort,
      destinations.address(destination),
      destinationPort,
      destinations.forward(destination) | (isTemplate ? TEMPLATE : INACTIVE),
    );
    if (c === 0) return 0;
    this.words[c * WORDS + SERVER] = destination;
    this.words[c * WORDS + TIMEOUT] = INITIAL_TIMEOUT_TICKS;
    connections.commit(c);
    destinations.bind(destination, isTemplate);
    if (!isTemplate) this.fastPath?.occupied.add(c);
    return c;
  }

  /** Puts a connection under a template's control, whose time begins anew. */
  control(connection: number, template: number): void {
    this.words[connection * WORDS + CONTROLLER] = template;
    this.words[template * WORDS + CHILDREN]++;
    this.words[template * WORDS + FLAGS] &= ~OVERDUE;
  }

  /** What a TCP segment does to the connection's state, timeout and its server's counters. */
  transition(connection: number, direction: number, tcpFlags: number): void {
    const words = this.words;
    const base = connection * WORDS;
    const meta = words[base + META];
    const before = meta & 0xff;
    const after = nextState(before, direction, tcpFlags, this.state.settings.strictTcp);
    words[base + TIMEOUT] = this.state.timeouts[after];
    if (before === SYN_RECV && direction === OUTPUT) words[base + FLAGS] |= ANSWERED;
    if (after === before) return;
    if (after === SYN_RECV) words[base + FLAGS] &= ~ANSWERED;
    words[base + META] = (meta & ~0xff) | after;
    this.halfOpen += IS_HALF_OPEN[after] - IS_HALF_OPEN[before];
    if (IS_OVER[after] !== IS_OVER[before]) this.noteEnds(connection, IS_OVER[after] === 1);
    const isInactive = (words[base + FLAGS] & INACTIVE) !== 0;
    if (isInactive && IS_ACTIVE[after] === 1) {
      words[base + FLAGS] &= ~INACTIVE;
      this.state.destinations.activate(words[base + SERVER]);
    } else if (!isInactive && IS_ACTIVE[after] === 0) {
      words[base + FLAGS] |= INACTIVE;
      this.state.destinations.deactivate(words[base + SERVER]);
    }
    const template = words[base + CONTROLLER];
    if (after === ESTABLISHED && template !== 0) {
      words[template * WORDS + META] |= rec.TEMPLATE_ASSURED;
    }
  }

  /** True for a connection after which another one may begin with the same ends; under a template none does. */
  isOver(connection: number): boolean {
    const base = connection * WORDS;
    return IS_OVER[this.words[base + META] & 0xff] === 1 && this.words[base + CONTROLLER] === 0;
  }

  /** The kernel may open another connection with the same ends, or not. */
  private noteEnds(connection: number, areFree: boolean): void {
    if (areFree) this.fastPath?.occupied.remove(connection);
    else this.fastPath?.occupied.add(connection);
  }

  /** Starts the timer of a connection that was just made. */
  startTimer(connection: number, now: number): void {
    const base = connection * WORDS;
    this.words[base + DEADLINE] = (now + this.words[base + TIMEOUT]) | 0;
    this.state.wheel.schedule(connection);
  }

  /** Starts the timer anew, with the connection's present timeout. */
  restartTimer(connection: number, now: number): void {
    const base = connection * WORDS;
    const before = this.words[base + DEADLINE];
    const deadline = (now + this.words[base + TIMEOUT]) | 0;
    this.words[base + DEADLINE] = deadline;
    // A later deadline needs no work: the wheel finds it when it looks at the old one.
    if (ticksUntil(deadline, before) < 0) this.state.wheel.schedule(connection);
  }

  /** Has the connection expire as soon as timers run next. */
  expireNow(connection: number, now: number): void {
    this.fastPath?.retire(connection);
    this.words[connection * WORDS + DEADLINE] = now;
    this.state.wheel.scheduleAtOnce(connection);
  }

  /** Removes all connections whose destination was deleted, a piece at each `advance`. */
  sweepUnavailable(): void {
    this.sweepCursor = 1;
  }

  /**
   * Runs timers and sweeps up to `now`.
   * @param budget how many connections may be looked at
   * @returns what is left of the budget; 0 means there may be more to do
   */
  advance(now: number, budget: number): number {
    let left = budget;
    while (left > 0) {
      const c = this.state.wheel.next(now);
      if (c === NOTHING_DUE) break;
      left--;
      if (c === MOVED_ON || this.isRefreshed(c, now)) continue;
      this.countExpiry(c);
      this.expire(c);
    }
    return this.sweepCursor === 0 ? left : this.sweep(left);
  }

  /** True where the kernel has forwarded packets of a connection whose time seemed to be up. */
  private isRefreshed(connection: number, now: number): boolean {
    if (this.fastPath?.refresh(connection, now) !== true) return false;
    this.state.wheel.schedule(connection);
    return true;
  }

  private countExpiry(connection: number): void {
    const { meters, statistics } = this.state;
    const base = connection * WORDS;
    const flags = this.words[base + FLAGS];
    if (this.words[base + CHILDREN] > 0) return;
    if ((flags & TEMPLATE) !== 0) {
      meters.countExpiredTemplate();
      return;
    }
    const tcpState = this.words[base + META] & 0xff;
    meters.countExpired(tcpState);
    if (tcpState !== SYN_RECV || (flags & ANSWERED) !== 0) return;
    statistics.countUnansweredSyn(this.state.destinationBlock(this.words[base + SERVER]));
  }

  /** A connection's time is up: it goes, or is postponed while it controls others. */
  private expire(connection: number): void {
    const base = connection * WORDS;
    if (this.words[base + CHILDREN] > 0) {
      this.postpone(base);
      this.state.wheel.schedule(connection);
      return;
    }
    const template = this.words[base + CONTROLLER];
    if (template !== 0) this.words[template * WORDS + CHILDREN]--;
    this.remove(connection);
  }

  /** First by what the kernel's timer would be late, then by a minute. */
  private postpone(base: number): void {
    if ((this.words[base + FLAGS] & OVERDUE) === 0) {
      this.words[base + FLAGS] |= OVERDUE;
      const lateness = kernelLatenessTicks(this.words[base + TIMEOUT]);
      this.words[base + DEADLINE] = (this.words[base + DEADLINE] + lateness) | 0;
      return;
    }
    this.words[base + FLAGS] &= ~OVERDUE;
    this.words[base + TIMEOUT] = POSTPONE_TICKS;
    this.words[base + DEADLINE] = (this.state.wheel.tick + POSTPONE_TICKS) | 0;
  }

  /**
   * Removes a connection before its time. A template that has no other child goes with it, unless it is
   * assured.
   */
  forceOut(connection: number): void {
    const template = this.words[connection * WORDS + CONTROLLER];
    this.expire(connection);
    if (template === 0 || this.words[template * WORDS + CHILDREN] > 0) return;
    if ((this.words[template * WORDS + META] & rec.TEMPLATE_ASSURED) === 0) {
      this.expire(template);
    }
  }

  private remove(connection: number): void {
    const base = connection * WORDS;
    const flags = this.words[base + FLAGS];
    if ((flags & TEMPLATE) === 0) {
      const tcpState = this.words[base + META] & 0xff;
      this.halfOpen -= IS_HALF_OPEN[tcpState];
      if (IS_OVER[tcpState] === 0) this.noteEnds(connection, true);
    }
    this.fastPath?.retire(connection);
    this.state.wheel.cancel(connection);
    this.state.destinations.unbind(
      this.words[base + SERVER],
      (flags & TEMPLATE) !== 0,
      (flags & INACTIVE) !== 0,
    );
    this.state.connections.remove(connection);
  }

  private sweep(budget: number): number {
    const { connections, destinations } = this.state;
    let left = budget;
    while (left > 0 && this.sweepCursor <= connections.highWater) {
      const c = this.sweepCursor++;
      left--;
      const base = c * WORDS;
      if (!connections.isLive(c) || this.words[base + CHILDREN] > 0) continue;
      if (destinations.isAvailable(this.words[base + SERVER])) continue;
      const template = this.words[base + CONTROLLER];
      this.forceOut(c);
      // The sweep takes a childless template along, assured or not.
      if (template !== 0 && connections.isLive(template) && this.childless(template)) {
        this.forceOut(template);
      }
    }
    if (left > 0) this.sweepCursor = 0;
    return left;
  }

  private childless(template: number): boolean {
    return this.words[template * WORDS + CHILDREN] === 0;
  }

  /**
   * Builds everything that follows from the records: index, timers, counts of children, counters of
   * destinations; records that no director can have written are left out. The records of services and
   * destinations must have been rebuilt before. It only writes what it derives: cut off, it can begin anew.
   * @returns how many records were damaged
   */
  rebuild(): number {
    const { connections, destinations, wheel } = this.state;
    const words = this.words;
    this.sweepCursor = 0;
    this.halfOpen = 0;
    wheel.clear(connections.highWater);
    const strangers = this.dropStrangers();
    const damaged = connections.rebuild();
    for (let c = 1; c <= connections.highWater; c++) {
      if (!connections.isLive(c)) continue;
      const base = c * WORDS;
      this.settle(base);
      const flags = words[base + FLAGS];
      if ((flags & TEMPLATE) === 0) this.halfOpen += IS_HALF_OPEN[words[base + META] & 0xff];
      destinations.count(words[base + SERVER], (flags & TEMPLATE) !== 0, (flags & INACTIVE) !== 0);
      if (words[base + CONTROLLER] !== 0) words[words[base + CONTROLLER] * WORDS + CHILDREN]++;
      wheel.schedule(c);
    }
    for (let d = 1; d <= destinations.highWater; d++) {
      if (destinations.isLive(d)) destinations.relieve(d);
    }
    return strangers + damaged;
  }

  /** Frees records of connections to a server that isn't there, or is another one. @returns how many */
  private dropStrangers(): number {
    const { connections } = this.state;
    let strangers = 0;
    for (let c = 1; c <= connections.highWater; c++) {
      this.words[c * WORDS + CHILDREN] = 0;
      if (!connections.isLive(c) || this.isServerThere(c * WORDS)) continue;
      this.words[c * WORDS] = 0;
      strangers++;
    }
    return strangers;
  }

  private isServerThere(base: number): boolean {
    const { destinations } = this.state;
    const words = this.words;
    const server = words[base + SERVER];
    return (
      server > 0 &&
      server <= destinations.highWater &&
      destinations.isLive(server) &&
      destinations.address(server) === words[base + rec.W_DESTINATION] &&
      destinations.virtualAddress(server) === words[base + rec.W_VIRTUAL]
    );
  }

  /** Puts right what a process that died between two words of a record may have left. */
  private settle(base: number): void {
    const words = this.words;
    words[base + rec.W_HOP] = words[base + rec.W_HOP_GENERATION] = 0;
    if ((words[base + FLAGS] & TEMPLATE) === 0) {
      const isActive = IS_ACTIVE[words[base + META] & 0xff] === 1;
      words[base + FLAGS] = isActive
        ? words[base + FLAGS] & ~INACTIVE
        : words[base + FLAGS] | INACTIVE;
    }
    if (!this.isController(words[base + CONTROLLER], base)) words[base + CONTROLLER] = 0;
    const { tick } = this.state.wheel;
    const latest = words[base + TIMEOUT] + LATENESS_MAX_TICKS;
    if (ticksUntil(words[base + DEADLINE], tick) > latest) {
      words[base + DEADLINE] = (tick + words[base + TIMEOUT]) | 0;
    }
  }

  /** True where this number is that of a template which can control the connection. */
  private isController(template: number, base: number): boolean {
    const { connections } = this.state;
    const words = this.words;
    return (
      template > 0 &&
      template <= connections.highWater &&
      connections.isLive(template) &&
      (words[template * WORDS + FLAGS] & TEMPLATE) !== 0 &&
      (words[base + FLAGS] & TEMPLATE) === 0 &&
      words[template * WORDS + SERVER] === words[base + SERVER]
    );
  }
}
