/** The lab of docker-compose.yml on the engine that DOCKER_HOST names. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/package.js';

const OUTPUT_BYTES_MAX = 16 << 20;
const execute = promisify(execFile);

/** A project of its own, beside a lab that somebody has up. */
export class ComposeLab {
  private readonly containers = new Map<string, Promise<string>>();

  private constructor(
    readonly project: string,
    /** `docker compose`, or the program that was before it, with its files. */
    private readonly compose: readonly string[],
  ) {}

  /** Of docker-compose.yml and `files` that change it, with the services of some profiles. */
  static async prepare(
    project: string,
    { files = [], profiles = [] }: { files?: string[]; profiles?: string[] } = {},
  ): Promise<ComposeLab> {
    const options = [
      ...['docker-compose.yml', ...files].flatMap((file) => ['--file', file]),
      ...profiles.flatMap((profile) => ['--profile', profile]),
    ];
    return new ComposeLab(project, [...(await composeCommand()), ...options]);
  }

  /** Starts these services and those that they depend on, or all. */
  async up(...services: string[]): Promise<void> {
    await this.run('up', '-d', '--no-build', ...services);
  }

  /** Takes it down with its volumes. */
  async down(): Promise<void> {
    await this.run('down', '--volumes', '--timeout', '5');
  }

  run(...words: string[]): Promise<string> {
    const [program, ...first] = this.compose;
    return output(program, [...first, '--project-name', this.project, ...words]);
  }

  /** Runs a shell command in a service's container; rejects where it fails. */
  async exec(service: string, command: string): Promise<string> {
    return docker('exec', await this.container(service), 'sh', '-c', command);
  }

  /** The id of a service's container, which it keeps. */
  container(service: string): Promise<string> {
    const known = this.containers.get(service) ?? this.run('ps', '--quiet', service);
    this.containers.set(service, known);
    return known.then((id) => id.trim());
  }
}

export function docker(...words: string[]): Promise<string> {
  return output('docker', words);
}

async function composeCommand(): Promise<string[]> {
  const plugin = ['docker', 'compose'];
  return docker('compose', 'version').then(
    () => plugin,
    () => ['docker-compose'],
  );
}

async function output(program: string, words: readonly string[]): Promise<string> {
  const options = { cwd: packageRoot(), maxBuffer: OUTPUT_BYTES_MAX };
  return (await execute(program, words, options)).stdout;
}
