/** What `uvs drain` tells people and programs. */
import { numericText } from '../../admin/endpoint-text.js';
import { commandText, countText } from '../../rules/difference-text.js';
import { weightChange, type Left, type Place } from './places.js';

const TITLES = ['SERVICE', 'SERVER', 'WEIGHT', 'ACTIVE', 'INACTIVE', 'TEMPLATES'];

/** The places and what is left at each, and how to put the weights back. */
export async function drainedText(
  places: readonly Place[],
  left: readonly Left[],
): Promise<string> {
  const rows = places.map(({ service, before }, i) => [
    numericText(service),
    numericText(before),
    before.weight === 0 ? '0' : `${before.weight} -> 0`,
    `${left[i].active}`,
    `${left[i].inactive}`,
    `${left[i].templates}`,
  ]);
  const commands = await restoreCommands(places);
  const back = commands.length === 0 ? [] : ['to put it back:', ...commands.map((c) => `  ${c}`)];
  return [...table([TITLES, ...rows]), ...back].map((line) => `${line}\n`).join('');
}

/** The commands that give the server its weights back; none where it had weight 0 already. */
export function restoreCommands(places: readonly Place[]): Promise<string[]> {
  return Promise.all(
    places
      .filter(({ before }) => before.weight !== 0)
      .map(async (place) => {
        return `uvsadm ${await commandText(weightChange(place, place.before.weight))}`;
      }),
  );
}

/** "12 active and 3 inactive connections, 2 templates". */
export function leftText({ active, inactive, templates }: Left): string {
  const connections = `${active} active and ${countText(inactive, 'inactive connection')}`;
  return templates === 0 ? connections : `${connections}, ${countText(templates, 'template')}`;
}

/** Why a server of persistent services isn't left by its clients, and what to do about it. */
export const TEMPLATES_TEXT =
  'persistence: clients with a template still come to it, until the template expires;\n' +
  '`uvs set expire_quiescent_template=1` sends them to other servers from their next connection on\n';

export async function jsonText(
  places: readonly Place[],
  left: readonly Left[],
  isDrained: boolean,
): Promise<string> {
  const servers = places.map(({ service, before }, i) => ({
    service,
    server: { family: before.family, address: before.address, port: before.port },
    weightBefore: before.weight,
    ...left[i],
  }));
  const restore = await restoreCommands(places);
  return `${JSON.stringify({ drained: isDrained, servers, restore }, null, 1)}\n`;
}

/** Names to the left, numbers to the right. */
function table(rows: readonly string[][]): string[] {
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  '),
  );
}
