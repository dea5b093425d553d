/** Programs of a lab's host that are told what to do line by line, and answer each line with one. */
import { createInterface } from 'node:readline';

/** Numbers of a command, and those of its answer. */
export type Command = (...words: number[]) => Promise<object> | object;

/**
 * Carries out the commands on standard input, one after the other, until it ends: "3 open 0 1000" is answered by
 * "3 {...}". Says "ready" first.
 */
export async function obey(commands: Readonly<Record<string, Command>>): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  process.stdout.write('ready\n');
  for await (const line of lines) {
    const [number, name, ...words] = line.split(' ');
    const answer = await commands[name](...words.map(Number));
    process.stdout.write(`${number} ${JSON.stringify(answer)}\n`);
  }
}

/** Milliseconds of processor time that this process, with what the kernel did within its calls, has had. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
