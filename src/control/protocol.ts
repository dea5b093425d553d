/**
 * The language of the control socket: lines of JSON in UTF-8. JSON never holds a bare newline, so a line is a
 * message, a garbled one costs only itself, and `nc -U` is enough to talk to a director.
 *
 *     director                                            client
 *     {"uvs":"control","version":1}              ->
 *                                                <-       {"id":1,"method":"timeouts","params":{}}
 *     {"id":1,"result":{...}}                    ->
 *                                                <-       {"id":2,"method":"connections","params":{}}
 *     {"id":2,"batch":[{...},{...}]}             ->       any number of batches,
 *     {"id":2,"result":null}                     ->       then the end
 *                                                <-       {"id":3,"method":"addService","params":{...}}
 *     {"id":3,"error":{"errno":"EEXIST",...}}    ->
 *
 * The director greets, and a client that doesn't know the version hangs up. Requests of one connection are
 * answered one after the other, in their order; the next one is read when the last answer is on its way, so
 * a slow reader holds up nobody but itself. A request that can't be read is answered with id null.
 */
import type { Errno } from './api.js';

export const PROTOCOL_VERSION = 1;
/** The largest request: room for the changes from ten thousand servers to ten thousand others. */
export const REQUEST_MAX_BYTES = 8 * 1024 * 1024;

export interface Greeting {
  uvs: 'control';
  version: number;
}

export type Reply =
  | { id: number; result: unknown }
  | { id: number; batch: unknown[] }
  | { id: number | null; error: { errno: Errno; message: string } };

/** A message as it goes over the socket. */
export function encode(
  message: Greeting | Reply | { id: number; method: string; params: unknown },
): string {
  return `${JSON.stringify(message)}\n`;
}
