/**
 * A recorded scenario: commands and packets with their times, and what a director answered. One JSON object;
 * docs/REPLAY.md describes the fields.
 */
import { z } from 'zod';
import { splitWords } from './words.js';

/** The largest IP packet. */
const PACKET_MAX_BYTES = 65_535;
/** A replay lets time pass tick by tick: a day takes some seconds. */
const TIME_MAX_MS = 24 * 60 * 60 * 1000;

const hex = z
  .string()
  .max(2 * PACKET_MAX_BYTES, `must be at most ${PACKET_MAX_BYTES} bytes`)
  .regex(/^([0-9a-fA-F]{2})+$/, 'must be bytes in hexadecimal');
const address = z.ipv4().or(z.ipv6());
const portName = z.enum(['ext', 'int']);
const settings = z.record(z.string(), z.union([z.number(), z.string()]));
const commandLine = z.string().superRefine((text, context) => {
  try {
    splitWords(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const sentPacket = z.strictObject({
  if: portName,
  ip: hex,
  note: z.string().optional(),
  origin: z.enum(['route', 'ipvs', 'stack']).optional(),
  nh: address.optional(),
});

const time = { at: z.number().int().nonnegative().max(TIME_MAX_MS), note: z.string().optional() };

const commandStep = z.strictObject({
  ...time,
  adm: commandLine,
  stdin: z.string().optional(),
  exit: z.number().int(),
  stdout: z.string(),
  stderr: z.string(),
  tol: z.number().nonnegative().optional(),
});
const packetStep = z.strictObject({
  ...time,
  rx: portName,
  ip: hex,
  tx: z.array(sentPacket),
});
const settingStep = z.strictObject({ ...time, sysctl: settings });
const waitStep = z.strictObject({ ...time, wait: z.literal(true), tx: z.array(sentPacket) });

const head = z.strictObject({
  name: z.string().min(1),
  about: z.string(),
  family: z.string().min(1),
  sysctl: settings.optional(),
  mtu: z.partialRecord(portName, z.number().int().min(68).max(65_535)).optional(),
  marks: z
    .array(
      z.strictObject({
        d: address,
        p: z.enum(['tcp', 'udp']).optional(),
        dport: z.number().int().optional(),
        mark: z.number().int(),
      }),
    )
    .optional(),
  ip6: z.boolean().optional(),
  steps: z.array(z.unknown()).min(1),
});

export type PortName = z.infer<typeof portName>;
export type RecordedPacket = z.infer<typeof sentPacket>;
export type CommandStep = z.infer<typeof commandStep>;
export type PacketStep = z.infer<typeof packetStep>;
export type SettingStep = z.infer<typeof settingStep>;
export type WaitStep = z.infer<typeof waitStep>;
export type Step = CommandStep | PacketStep | SettingStep | WaitStep;
export type Scenario = Omit<z.infer<typeof head>, 'steps'> & { steps: Step[] };

/** A file that is no scenario: where, and what is wrong. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

/**
 * Checks a scenario.
 * @param place the file (and line) it was read from, for messages
 * @throws ScenarioError naming place, step and field
 */
export function parseScenario(value: unknown, place: string): Scenario {
  const scenario = check(head, value, place);
  let before = 0;
  const steps = scenario.steps.map((step, i) => {
    const stepPlace = `${place}: step ${i + 1}`;
    const checked = check(schemaOf(step, stepPlace), step, stepPlace);
    if (checked.at < before) {
      throw new ScenarioError(
        `${stepPlace}: at: ${checked.at} is before the step before, ${before}`,
      );
    }
    before = checked.at;
    return checked;
  });
  return { ...scenario, steps };
}

/** What a step is, is told by which field it has. */
function schemaOf(step: unknown, place: string): z.ZodType<Step> {
  if (typeof step === 'object' && step !== null) {
    if ('adm' in step) return commandStep;
    if ('rx' in step) return packetStep;
    if ('sysctl' in step) return settingStep;
    if ('wait' in step) return waitStep;
  }
  throw new ScenarioError(`${place}: a step has one of the fields adm, rx, sysctl, wait`);
}

function check<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0];
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  throw new ScenarioError(
    `${place}: ${[field.join('').replace(/^\./, ''), message].filter(Boolean).join(': ')}`,
  );
}
