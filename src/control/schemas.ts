/**
 * What a director takes as a request: a schema for each method's parameters. They check the form; what ip_vs
 * itself refuses (a negative weight, a lower threshold above the upper one) is left to the director.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import type {
  Change,
  DaemonSettings,
  DestinationKey,
  DestinationSettings,
  ServiceKey,
  ServiceSettings,
  Timeouts,
} from './api.js';
import {
  TRACE_ALTERNATIVES_MAX,
  TRACE_DECISIONS,
  TRACE_FRAME_BYTES_MAX,
  TRACE_FRAME_BYTES_MIN,
  TRACE_RATE_MAX,
  type EndpointPattern,
  type TraceRequest,
} from './trace.js';

/** The envelope. `params` is checked by the method's own schema. */
export const requestSchema = z.strictObject({
  id: z.int().min(0),
  method: z.string(),
  params: z.unknown().optional(),
});

/** Of thousands of changes that are wrong in the same way this many are named. */
const ISSUES_MAX = 16;
const INT32_MAX = 0x7fff_ffff;
const port = z.int().min(0).max(65_535);
const uint32 = z.int().min(0).max(0xffff_ffff);
/** Whole range of the kernel's attribute: a negative weight is for ip_vs's own check to refuse. */
const int32 = z
  .int()
  .min(-INT32_MAX - 1)
  .max(INT32_MAX);
const name = z.string().max(64);
const family = z.enum(['inet', 'inet6']);

function checkAddress(key: { family: string; address: string }, context: z.RefinementCtx): void {
  const valid = key.family === 'inet' ? isIPv4(key.address) : isIPv6(key.address);
  if (valid) return;
  const wanted = key.family === 'inet' ? 'an IPv4 address' : 'an IPv6 address';
  context.addIssue({
    code: 'custom',
    path: ['address'],
    message: `Invalid input: expected ${wanted}, received ${JSON.stringify(key.address)}`,
  });
}

const serviceKey: z.ZodType<ServiceKey> = z
  .strictObject({
    family,
    protocol: z.enum(['tcp', 'udp', 'sctp']),
    address: name,
    port,
    fwmark: uint32,
  })
  .superRefine((key, context) => {
    if (key.fwmark === 0) checkAddress(key, context);
  });

const serviceSettings: z.ZodType<ServiceSettings> = z.strictObject({
  scheduler: name,
  schedulerFlags: uint32,
  persistent: z.boolean(),
  timeoutSeconds: uint32,
  netmask: name,
  onePacket: z.boolean(),
  persistenceEngine: name,
});

const destinationKey: z.ZodType<DestinationKey> = z
  .strictObject({ family, address: name, port })
  .superRefine(checkAddress);

const destinationSettings: z.ZodType<DestinationSettings> = z.strictObject({
  forwarding: z.enum(['masq', 'local', 'tunnel', 'route', 'bypass']),
  weight: int32,
  upperThreshold: uint32,
  lowerThreshold: uint32,
  tunnel: z.strictObject({
    type: z.enum(['ipip', 'gue', 'gre']),
    port,
    checksum: z.enum(['none', 'csum', 'remcsum']),
  }),
});

const serviceChange = { key: serviceKey, settings: serviceSettings };
const destinationChange = { service: serviceKey, key: destinationKey };

const change: z.ZodType<Change> = z.discriminatedUnion('change', [
  z.strictObject({ change: z.literal(['addService', 'editService']), ...serviceChange }),
  z.strictObject({ change: z.literal('deleteService'), key: serviceKey }),
  z.strictObject({
    change: z.literal(['addDestination', 'editDestination']),
    ...destinationChange,
    settings: destinationSettings,
  }),
  z.strictObject({ change: z.literal('deleteDestination'), ...destinationChange }),
]);

const timeouts: z.ZodType<Timeouts> = z.strictObject({
  tcpSeconds: uint32,
  tcpFinSeconds: uint32,
  udpSeconds: uint32,
});

const daemonState = z.enum(['master', 'backup']);
const daemonSettings: z.ZodType<DaemonSettings> = z.strictObject({
  state: daemonState,
  interface: name,
  syncId: uint32,
  maxLength: uint32,
  group: name,
  port,
  ttl: uint32,
});

const ipv4Pattern: z.ZodType<EndpointPattern> = z
  .strictObject({ address: name, prefixLength: z.int().min(0).max(32), port })
  .superRefine(({ address }, context) => checkAddress({ family: 'inet', address }, context));

const patterns = z.array(ipv4Pattern).max(TRACE_ALTERNATIVES_MAX);
const names = z.array(name).max(TRACE_ALTERNATIVES_MAX);
const traceRequest: z.ZodType<TraceRequest> = z.strictObject({
  filter: z.strictObject({
    clients: patterns,
    virtuals: patterns,
    servers: patterns,
    states: names,
    reasons: names,
    decisions: z.array(z.enum(TRACE_DECISIONS)),
  }),
  ratePerSecond: z.int().min(1).max(TRACE_RATE_MAX),
  countMax: uint32,
  frameBytesMax: z.int().min(TRACE_FRAME_BYTES_MIN).max(TRACE_FRAME_BYTES_MAX),
});

const nothing = z.strictObject({});

/** What each method's `params` must be. */
export const paramSchemas = {
  info: nothing,
  counters: nothing,
  snapshot: nothing,
  services: nothing,
  service: z.strictObject({ key: serviceKey }),
  addService: z.strictObject({ key: serviceKey, settings: serviceSettings }),
  editService: z.strictObject({ key: serviceKey, settings: serviceSettings }),
  deleteService: z.strictObject({ key: serviceKey }),
  flush: nothing,
  addDestination: z.strictObject({
    service: serviceKey,
    key: destinationKey,
    settings: destinationSettings,
  }),
  editDestination: z.strictObject({
    service: serviceKey,
    key: destinationKey,
    settings: destinationSettings,
  }),
  deleteDestination: z.strictObject({ service: serviceKey, key: destinationKey }),
  apply: z.strictObject({ changes: z.array(change) }),
  zero: z.strictObject({ key: serviceKey.optional() }),
  timeouts: nothing,
  setTimeouts: z.strictObject({ timeouts }),
  connections: nothing,
  trace: z.strictObject({ request: traceRequest }),
  daemons: nothing,
  startDaemon: z.strictObject({ settings: daemonSettings }),
  stopDaemon: z.strictObject({ state: daemonState }),
  upgrade: nothing,
  settings: nothing,
  setSetting: z.strictObject({ name, value: z.int() }),
} as const;

export type MethodName = keyof typeof paramSchemas;
export type Params<M extends MethodName> = z.infer<(typeof paramSchemas)[M]>;

/** "settings.weight: Invalid input: expected number, received string", several joined by "; ". */
export function describeIssues(error: z.ZodError): string {
  const named = error.issues.slice(0, ISSUES_MAX).map((issue) => {
    const field = issue.path.map(String).join('.');
    return field === '' ? issue.message : `${field}: ${issue.message}`;
  });
  const more = error.issues.length - named.length;
  if (more > 0) named.push(`and ${more} more`);
  return named.join('; ');
}
