/** All schedulers by name. "none", a service without a scheduler, is the service's own business. */
import { dh } from './dh.js';
import { fo } from './fo.js';
import { lblc } from './lblc.js';
import { lblcr } from './lblcr.js';
import { lc } from './lc.js';
import { mh } from './mh.js';
import { nq } from './nq.js';
import { ovf } from './ovf.js';
import { rr } from './rr.js';
import type { SchedulerType } from './scheduler.js';
import { sed } from './sed.js';
import { sh } from './sh.js';
import { wlc } from './wlc.js';
import { wrr } from './wrr.js';

export const SCHEDULERS: readonly SchedulerType[] = [
  rr,
  wrr,
  lc,
  wlc,
  fo,
  ovf,
  lblc,
  lblcr,
  dh,
  sh,
  sed,
  nq,
  mh,
];

const byName = new Map(SCHEDULERS.map((type) => [type.name, type]));

export function schedulerByName(name: string): SchedulerType | undefined {
  return byName.get(name);
}
