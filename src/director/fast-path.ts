/**
 * What the kernel needs to forward connections by itself (dataplane/sys/fastpath): the table of flows, and the program at
 * each interface's ingress. The director holds them, so that they outlive its workers; the program stays at work when
 * the director dies, and the next one puts its own in its place.
 */
import { randomBytes } from 'node:crypto';
import { rehearseFilters } from '../../dataplane/driver/port-sockets.js';
import {
  BUCKET_BYTES,
  BUCKET_WORDS,
  FORWARD_GENERATION,
  REPORT_BYTES,
  SKIP_GENERATION,
} from '../../dataplane/flows/layout.js';
import { ELEMENT_BYTES, ELEMENTS } from '../../dataplane/flows/openings-layout.js';
import { SysError } from '../../dataplane/sys/errors.js';
import {
  createArray,
  loadProgram,
  mapArray,
  TRAFFIC_CONTROL,
} from '../../dataplane/sys/fastpath/kernel-objects.js';
import type { FlowMap } from '../../dataplane/sys/fastpath/find-flow.js';
import { describeTable, forwardingProgram } from '../../dataplane/sys/fastpath/programs.js';
import {
  attachToIngress,
  detachFromIngress,
} from '../../dataplane/sys/fastpath/traffic-control.js';
import { findPorts, type KnownPort } from '../../dataplane/sys/host.js';
import { close } from '../../dataplane/sys/libc.js';
import type { Log } from './log.js';
import type { Options } from './options.js';

const PROGRAM_NAME = 'uvs_forward';
/** Room for some 40 000 connections; 10 MB. */
const BUCKETS = 1 << 15;
/** Of packets that change a connection's state, for as long as there is no worker. */
const REPORTS = 1 << 16;
const FIRST_GENERATION = 1;
const KEY_BYTES = 24;

/**
 * As it was chosen: null for none, also where it is to be there if possible and isn't. Throws where it must be there
 * and can't.
 */
export function openFastPath(
  { fastPath, driver }: Pick<Options, 'fastPath' | 'driver'>,
  log: Log,
): FastPathHolder | null {
  if (fastPath === 'off') return null;
  try {
    return FastPathHolder.openFor(driver);
  } catch (error) {
    const reason = (error as Error).message;
    if (fastPath === 'on') throw new Error(adviceOn(reason), { cause: error });
    log.info('no fast path', { reason });
    return null;
  }
}

/** Throws where the kernel doesn't take the programs; leaves nothing behind. */
export function rehearseFastPath(driver: Options['driver']): void {
  try {
    FastPathHolder.openFor(driver).close();
  } catch (error) {
    throw new Error(adviceOn((error as Error).message), { cause: error });
  }
}

function adviceOn(reason: string): string {
  return `no fast path: ${reason} It takes Linux 5.12 and CAP_BPF; --fast-path auto does without where it must.`;
}

export class FastPathHolder {
  /** By port: the index of the interface that the program is attached to. */
  private attached: number[] = [];

  private constructor(
    readonly map: FlowMap,
    private readonly program: number,
  ) {}

  /** Throws SysError, and Error for a driver that can't do with it. */
  static openFor(driver: Options['driver']): FastPathHolder {
    if (driver !== 'ring')
      throw new Error(`The ${driver} driver can't leave packets to the kernel.`);
    return FastPathHolder.open();
  }

  /** Makes the table and loads the program. Throws SysError. */
  static open(): FastPathHolder {
    const fds: number[] = [];
    try {
      fds.push(createArray('uvs_flows', BUCKET_BYTES, BUCKETS + 1));
      fds.push(createArray('uvs_reports', REPORT_BYTES, REPORTS));
      fds.push(createArray('uvs_openings', ELEMENT_BYTES, ELEMENTS));
      const [fd, reportsFd, openingsFd] = fds;
      const key = new Int32Array(new Uint8Array(randomBytes(KEY_BYTES)).buffer);
      const words = mapArray(fd, BUCKET_BYTES * (BUCKETS + 1));
      const description = words.subarray(BUCKETS * BUCKET_WORDS);
      describeTable(description, { buckets: BUCKETS, key });
      description[SKIP_GENERATION] = description[FORWARD_GENERATION] = FIRST_GENERATION;
      const map = { fd, buckets: BUCKETS, reportsFd, reports: REPORTS, openingsFd, key };
      // The kernel may take one program and refuse another: better known now than when they are needed.
      rehearseFilters(map);
      const program = loadProgram(PROGRAM_NAME, TRAFFIC_CONTROL, forwardingProgram(map));
      return new FastPathHolder(map, program);
    } catch (error) {
      for (const fd of fds) close(fd);
      throw error;
    }
  }

  /** In the order in which a worker has them. */
  get fds(): number[] {
    return [this.map.fd, this.map.reportsFd, this.map.openingsFd];
  }

  /** Has the program run at the ports' interfaces, as they are now; returns why it can't at some of them. */
  follow(ports: readonly KnownPort[]): string[] {
    const problems: string[] = [];
    for (const [port, { name, ifindex }] of ports.entries()) {
      if (ifindex === this.attached[port]) continue;
      this.attached[port] = 0;
      if (ifindex === 0) continue;
      try {
        attachToIngress(ifindex, this.program, PROGRAM_NAME);
        this.attached[port] = ifindex;
      } catch (error) {
        if (!isGone(error)) problems.push(`${name}: ${(error as Error).message}`);
      }
    }
    return problems;
  }

  /** True where the program runs at a port's interface: only there flows may be kept from the data plane. */
  isAttached(port: number): boolean {
    return (this.attached[port] ?? 0) !== 0;
  }

  /** Removes the program from the interfaces. Throws SysError. */
  detach(): void {
    for (const ifindex of this.attached) if (ifindex !== 0) detachUnlessGone(ifindex);
    this.attached = [];
  }

  close(): void {
    close(this.program);
    for (const fd of this.fds) close(fd);
  }
}

/** Removes what an earlier director has attached; returns the interfaces' names. Throws SysError. */
export function detachLeftPrograms(): string[] {
  return findPorts([])
    .filter(({ ifindex }) => detachUnlessGone(ifindex))
    .map(({ name }) => name);
}

function detachUnlessGone(ifindex: number): boolean {
  try {
    return detachFromIngress(ifindex, PROGRAM_NAME);
  } catch (error) {
    if (!isGone(error)) throw error;
    return false;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof SysError && error.code === 'ENODEV';
}
