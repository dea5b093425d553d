/** `-L -c`: connections and templates, a batch at a time, in the director's order. */
import type { ConnectionEntry, Control, Protocol } from '../../control/api.js';
import { namedText, numericText, type EndpointText } from '../endpoint-text.js';
import type { Names } from '../names.js';
import type { Output } from '../output.js';
import type { OptionName } from '../request.js';

const STATE_WIDTH = 11;
const ENDPOINT_WIDTH = 18;
const ENGINE_WIDTH = 16;

/** Rows of other protocols ("IP" for a template of a mark) have ports without names. */
const PROTOCOLS: { readonly [name: string]: Protocol } = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

export async function listConnections(
  given: ReadonlySet<OptionName>,
  control: Control,
  names: Names,
  output: Output,
): Promise<void> {
  await output.write(`IPVS connection entries\n${titles(given.has('persistent-conn'))}\n`);
  const text = namedText(names);
  for await (const batch of control.connections()) {
    const rows = given.has('numeric')
      ? batch.map(numericRow)
      : await Promise.all(batch.map((entry) => namedRow(entry, text)));
    await output.write(rows.join(''));
  }
}

/** Rows have no data of a persistence engine: there is no such engine in a director. */
function titles(withEngine: boolean): string {
  const head = `pro expire ${columns('state', 'source', 'virtual')}`;
  if (!withEngine) return `${head} destination`;
  const destination = 'destination'.padEnd(ENDPOINT_WIDTH);
  return `${head} ${destination} ${'pe name'.padEnd(ENGINE_WIDTH)} pe_data`;
}

function columns(state: string, source: string, virtual: string): string {
  const cells = [source.padEnd(ENDPOINT_WIDTH), virtual.padEnd(ENDPOINT_WIDTH)];
  return `${state.padEnd(STATE_WIDTH)} ${cells.join(' ')}`;
}

/** Source, virtual address and destination of a connection, each with its port. */
function endpoints(entry: ConnectionEntry) {
  const { family } = entry;
  return [
    { family, address: entry.clientAddress, port: entry.clientPort },
    { family, address: entry.virtualAddress, port: entry.virtualPort },
    { family, address: entry.destinationAddress, port: entry.destinationPort },
  ] as const;
}

function numericRow(entry: ConnectionEntry): string {
  const [source, virtual, destination] = endpoints(entry);
  return row(entry, numericText(source), numericText(virtual), numericText(destination));
}

async function namedRow(entry: ConnectionEntry, text: EndpointText): Promise<string> {
  const protocol = PROTOCOLS[entry.protocol] ?? null;
  const [source, virtual, destination] = endpoints(entry);
  return row(
    entry,
    await text(source, protocol),
    await text(virtual, protocol),
    await text(destination, protocol),
  );
}

function row(entry: ConnectionEntry, source: string, virtual: string, destination: string): string {
  const expires = formatMinutes(entry.expiresSeconds).padEnd(6);
  const cells = columns(entry.state, source, virtual);
  return `${entry.protocol.padEnd(3)} ${expires} ${cells} ${destination}\n`;
}

/** "14:59"; minutes have two digits or more. */
function formatMinutes(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${String(minutes).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
