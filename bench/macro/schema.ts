/** What a file of results must look like. More than this may be in it. */
import { z } from 'zod';
import type { Results } from './results.js';

const numbers = z.record(z.string(), z.number());
const share = z.number().min(0);
const memory = z.object({ residentMb: z.number(), residentPeakMb: z.number() });

export const machineSchema = z.object({
  processor: z.string(),
  processors: z.int().min(1),
  memoryMb: z.number(),
  kernel: z.string(),
  congestionControl: z.string(),
  node: z.string(),
  tools: z.record(z.string(), z.string()),
});

export const placementSchema = z.object({
  client: z.string(),
  server: z.string(),
  director: z.array(z.string()).min(1).readonly(),
});

export const emulationSchema = z.object({
  by: z.string(),
  processor: z.string(),
  kernel: z.string(),
  meaning: z.string(),
});

const settings = z.object({
  rounds: z.int().min(1),
  seconds: z.number().positive(),
  connections: z.int().min(1),
  placement: placementSchema.nullable(),
});

const peer = z.object({
  id: z.string(),
  title: z.string(),
  version: z.string(),
  settings: z.string(),
  memory: z.object({ start: memory, end: memory }).nullable(),
});

const axis = z.object({
  id: z.string(),
  title: z.string(),
  metrics: z
    .array(
      z.object({
        key: z.string(),
        unit: z.string(),
        better: z.enum(['more', 'less']),
        digits: z.int().min(0),
      }),
    )
    .min(1),
  work: z.object({ unit: z.string(), timeUnit: z.enum(['µs', 'ms']) }).nullable(),
  apart: z.boolean().optional(),
});

const sample = z.object({
  axis: z.string(),
  peer: z.string(),
  round: z.int().min(1),
  values: numbers,
  details: numbers,
  work: z.number(),
  cpu: z.object({ userMs: z.number(), systemMs: z.number() }).nullable(),
  others: z.number(),
  shares: z.object({ user: share, system: share, interrupt: share, idle: share }).optional(),
});

export const resultsSchema: z.ZodType<Results> = z.looseObject({
  format: z.literal(1),
  date: z.iso.datetime(),
  command: z.string(),
  emulated: z.literal(true).optional(),
  emulation: emulationSchema.optional(),
  machine: machineSchema,
  settings,
  peers: z.array(peer).min(1),
  axes: z.array(axis).min(1),
  samples: z.array(sample),
});
