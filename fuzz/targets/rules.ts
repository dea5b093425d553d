/**
 * Files of rules: what can't be carried out is told with file and line, and what is accepted survives being saved
 * and restored. From one file's rules to those of the next, which follow on them, leads the way of `uvs apply`.
 */
import assert from 'node:assert/strict';
import { runCommand } from '../../src/admin/run.js';
import { difference } from '../../src/rules/difference.js';
import { RulesError, runRules } from '../../src/rules/rules-file.js';
import { RECORDED_NAMES } from '../../src/tools/replay/recorder.js';
import { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { SCHEDULERS } from '../../scheduler/registry.js';
import type { Random } from '../../sim/random.js';
import { recordings } from '../recordings.js';
import { mustHold, type Target } from '../target.js';
import { bytesOf, TextMutator, textOf } from '../text.js';

const FILE = 'fuzzed.rules';
const FILE_MAX_BYTES = 1024;
const LINES_PER_SEED = 4;
const FAMILIES = ['admin', 'cli', 'dr', 'fwm', 'nat', 'persist', 'sched', 'tun', 'udp', 'v6'];
/** So many that no file of that size fills them. */
const CAPACITY = { connections: 16, services: 512, destinations: 1024 };
const PROBLEM = /^fuzzed\.rules:(?<line>\d+): \S/;
const MORE_PROBLEMS = /^fuzzed\.rules: and \d+ more lines are wrong$/;
/** Changes by difference are tried out on tables of their own, which takes its time. */
const FOLLOW_EVERY = 64;
/** Deleted servers keep their records for some minutes. */
const TRASH_MAX = 64;
const TICKS_PER_MINUTE = 6001;
const VOCABULARY = [
  '-A', '-E', '-D', '-a', '-e', '-d', '-C', '-Z', '-S', '-R', '-L', '-l', '-t', '-u', '-f', '-r', '-m', '-g', '-i',
  '-s', '-p', '-M', '-w', '-x', '-y', '-o', '-b', '-6', '--set', '--start-daemon', '--stop-daemon', '--pe', '-h',
  '--add-service', '--tcp-service=10.1.0.100:80', '--weight=5', '--', '-n', '-c', '--stats', '#', 'ipvsadm', 'sip',
  '10.1.0.100:80', '10.1.0.101:443', '10.1:0', '0x0a010064:80', '[::1]:80', '10.2.0.2:8080', '10.2.0.3', 'host:http',
  '255.255.255.0', '24', 'sh-port,mh-fallback', 'flag-1', '300', ...SCHEDULERS.map(({ name }) => name), 'none',
]; // prettier-ignore

export class RulesTarget implements Target {
  readonly name = 'rules';
  readonly about = 'files of rules';
  private readonly text = new TextMutator(
    { lines: '\n', words: ' ', vocabulary: VOCABULARY },
    FILE_MAX_BYTES,
  );
  private clock = { ticks: 0 };
  private runs = 0;
  /** Runs the files; restores what it has saved; goes from the rules before to these. */
  private runner!: VirtualServer;
  private restorer!: VirtualServer;
  private follower!: VirtualServer;

  /** The commands of recordings, and an empty file. */
  seeds(): Uint8Array[] {
    const files = recordings(FAMILIES, 8).map(({ scenario: { steps } }) =>
      steps
        .flatMap((step) => ('adm' in step && /^-[AEaed]/.test(step.adm) ? [step.adm] : []))
        .slice(0, LINES_PER_SEED),
    );
    return [['# nothing'], ...files].map((lines) =>
      bytesOf(`${lines.join('\n')}\n`).subarray(0, FILE_MAX_BYTES),
    );
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    return this.text.mutate(input, other, random);
  }

  reset(): void {
    this.runs = 0;
    this.clock = { ticks: 0 };
    [this.runner, this.restorer, this.follower] = [0, 1, 2].map(
      () =>
        new VirtualServer({ hashKey: [1, 2], clock: () => this.clock.ticks, capacity: CAPACITY }),
    );
  }

  async run(input: Uint8Array): Promise<number> {
    const { runner, restorer } = this;
    await runner.flush();
    await restorer.flush();
    const text = textOf(input);
    try {
      await runRules(FILE, text, runner, RECORDED_NAMES);
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      checkProblems(error.message, text.split('\n').length);
    }
    const saved = await save(runner);
    this.emptyTrash();
    if (saved === '') return 1;
    mustHold(
      (await command(restorer, ['-R'], saved)).exitCode === 0,
      'what was saved can be restored',
    );
    assert.equal(await save(restorer), saved, 'what was restored is what was saved');
    this.runs += 1;
    if (this.runs % FOLLOW_EVERY === 0) await this.follow(saved);
    return 1;
  }

  private async follow(saved: string): Promise<void> {
    const { runner, follower } = this;
    const steps = difference(await follower.services(), await runner.services());
    await follower.apply(steps.map(({ change }) => change));
    assert.equal(await save(follower), saved, 'changes by difference come to the same');
  }

  private emptyTrash(): void {
    const servers = [this.runner, this.restorer, this.follower];
    if (servers.every(({ state }) => state.trash.entries.length < TRASH_MAX)) return;
    for (let minute = 0; minute < 4; minute++) {
      this.clock.ticks = (this.clock.ticks + TICKS_PER_MINUTE) | 0;
      for (const server of servers) while (server.advance(this.clock.ticks, 1000));
    }
  }
}

function checkProblems(message: string, lines: number): void {
  for (const problem of message.split('\n')) {
    const line = Number(PROBLEM.exec(problem)?.groups?.line ?? 0);
    const isOfFile = (line >= 1 && line <= lines) || MORE_PROBLEMS.test(problem);
    mustHold(isOfFile, `a problem is told with file and line: ${problem}`);
  }
}

async function save(server: VirtualServer): Promise<string> {
  const { exitCode, stdout } = await command(server, ['-S', '-n'], '');
  mustHold(exitCode === 0, 'what there is can be saved');
  return stdout;
}

async function command(
  control: VirtualServer,
  words: string[],
  input: string,
): Promise<{ exitCode: number; stdout: string }> {
  const written: string[] = [];
  const exitCode = await runCommand(words, input, {
    control,
    names: RECORDED_NAMES,
    stdout: { write: (text) => void written.push(text) },
    stderr: { write: () => {} },
    programName: 'uvsadm',
    version: '0',
  });
  return { exitCode, stdout: written.join('') };
}
