/**
 * Results that show how something changes with something else, such as the cost of a packet with the number of live
 * connections: charts, and samples of each.
 */
import { z } from 'zod';

const scale = z.object({
  /** With its unit: "live connections", "ns a packet". */
  label: z.string(),
  /** Equal factors are equally far apart. */
  log: z.boolean(),
});

export const seriesSchema = z.looseObject({
  format: z.literal(1),
  kind: z.literal('series'),
  /** "Cost and memory as connections grow" */
  title: z.string(),
  date: z.iso.datetime(),
  command: z.string(),
  emulated: z.literal(true).optional(),
  machine: z.object({
    processor: z.string(),
    processors: z.int().min(1),
    memoryMb: z.number(),
    kernel: z.string(),
    node: z.string(),
  }),
  settings: z.record(z.string(), z.unknown()),
  /** What was measured, in the order in which it is shown. */
  subjects: z.array(z.object({ id: z.string(), title: z.string() })).min(1),
  charts: z.array(
    z.object({ id: z.string(), title: z.string(), x: scale, y: scale, digits: z.int().min(0) }),
  ),
  samples: z.array(
    z.object({
      chart: z.string(),
      subject: z.string(),
      round: z.int(),
      x: z.number(),
      y: z.number(),
    }),
  ),
});

export type Series = z.infer<typeof seriesSchema>;
