/** Requests on kept connections, and a new connection for each request: wrk against nginx. */
import { LabError } from '../../../lab/errors.js';
import { wrk } from '../../../lab/traffic.js';
import { WEB } from '../services.js';
import type { Axis } from './axis.js';

export const CONNECTIONS = 50;

export const requests: Axis = webAxis('requests', 'requests, kept connections', true, 'request');
export const connections: Axis = webAxis('connections', 'new connections', false, 'connection');

function webAxis(id: string, title: string, keepAlive: boolean, unit: string): Axis {
  return {
    id,
    title,
    metrics: [{ key: 'rate', unit: `${unit}s/s`, better: 'more', digits: 0 }],
    work: { unit, timeUnit: 'µs' },
    quick: true,
    commands: ['wrk'],
    extraSeconds: 0.1,
    pieces: null,
    appliesTo: () => true,
    measure: async (site, { seconds }) => {
      const url = `http://${site.address(WEB)}/`;
      const result = await wrk(site.client, url, { connections: CONNECTIONS, seconds, keepAlive });
      if (result.requests === 0) throw new LabError(`${site.peer.title}: no request was answered`);
      return {
        values: { rate: result.requestsPerSecond },
        work: result.requests,
        details: { errors: result.errors },
      };
    },
  };
}
