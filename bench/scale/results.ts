/** The results as they are kept in a file. */
import { z } from 'zod';
import { LabError } from '../../lab/errors.js';
import { emulationSchema, machineSchema, placementSchema } from '../macro/schema.js';

export const FORMAT = 1;

/** What is measured, in the order in which it is shown. */
export const METRICS = {
  fillRate: { title: 'filling', unit: 'connections/s', digits: 0 },
  packetRate: {
    title: 'small packets, as fast as they come: arrived',
    unit: 'packets/s',
    digits: 0,
  },
  packetLoss: { title: 'small packets: lost', unit: '%', digits: 1 },
  packetCost: { title: 'a packet, clients to server', unit: 'µs of processor time', digits: 2 },
  packetDirector: { title: 'of it the director', unit: 'µs of processor time', digits: 2 },
  openRate: { title: 'new connections', unit: 'connections/s', digits: 0 },
  openCost: {
    title: 'a new connection, clients to server',
    unit: 'µs of processor time',
    digits: 1,
  },
  openDirector: { title: 'of it the director', unit: 'µs of processor time', digits: 1 },
  memory: { title: 'memory a connection', unit: 'bytes', digits: 0 },
  list: { title: 'listing all connections', unit: 's', digits: 2 },
  crashGap: { title: 'no packets after kill -9 of the data plane', unit: 'ms', digits: 0 },
  expiryCost: { title: 'expiry of a connection, the whole machine', unit: 'µs', digits: 2 },
  expiryDirector: { title: 'of it the director', unit: 'µs of processor time', digits: 2 },
  expiryLag: { title: 'from the last one’s time until all are gone', unit: 'ms', digits: 0 },
} as const;

export type MetricKey = keyof typeof METRICS;

const sample = z.object({
  metric: z.enum(Object.keys(METRICS) as [MetricKey, ...MetricKey[]]),
  peer: z.string(),
  /** Live connections. */
  size: z.int().min(1),
  round: z.int().min(1),
  value: z.number(),
});

const schema = z.looseObject({
  format: z.literal(FORMAT),
  date: z.iso.datetime(),
  command: z.string(),
  emulated: z.literal(true).optional(),
  emulation: emulationSchema.optional(),
  machine: machineSchema,
  settings: z.object({
    sizes: z.array(z.int().min(1)).min(1),
    rounds: z.int().min(1),
    seconds: z.number().positive(),
    placement: placementSchema.nullable(),
  }),
  peers: z
    .array(
      z.object({ id: z.string(), title: z.string(), version: z.string(), settings: z.string() }),
    )
    .min(1),
  samples: z.array(sample),
});

export type Sample = z.infer<typeof sample>;
export type ScaleResults = z.infer<typeof schema>;

/** `name`: what the text is called in errors. Throws LabError where it isn't such a file's content. */
export function parseScaleResults(content: unknown, name: string): ScaleResults {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new LabError(
    `${name} holds no results of npm run bench:scale:\n${z.prettifyError(parsed.error)}`,
  );
}
