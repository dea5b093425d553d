/** `uvs lab`. */
export async function run(_argv: string[]): Promise<number> {
  process.stderr.write('uvs lab: still to come\n');
  return 1;
}
