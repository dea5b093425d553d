/** A director's control socket whose traces are those of an imaginary host (tracing.ts), in this process. */
import { join } from 'node:path';
import type { Control } from '../../src/control/api.js';
import { serveControl, type ControlServer } from '../../src/control/server.js';
import type { TraceRequest } from '../../src/control/trace.js';
import { WorkerEndedError, type Supervision } from '../../src/director/supervision.js';
import { tracePackets } from '../../src/director/tracing.js';
import type { TracedDirector } from './tracing.js';

type Asked = (
  question: string,
  params: { trace: number; request: TraceRequest },
) => Promise<unknown>;

export class TracedControl {
  /** The next so many fetches find the data plane gone. */
  deaths = 0;
  /** Questions so far, with the numbers of the traces. */
  readonly asked: string[] = [];
  /** Whoever calls it is told of the next question that is asked. */
  onAsked: (question: string) => void = () => {};

  constructor(private readonly director: TracedDirector) {}

  /** What the director asks of its worker. */
  readonly supervision = { ask: ((question, params) => this.ask(question, params)) as Asked };

  get trace() {
    return (request: TraceRequest) =>
      tracePackets(this.supervision as unknown as Pick<Supervision, 'ask'>, request);
  }

  /** Listens in the folder. */
  serve(folder: string): Promise<ControlServer> {
    const { trace } = this;
    const control = Object.assign(Object.create(this.director.server) as Control, { trace });
    return serveControl({ path: join(folder, 'control.sock'), control });
  }

  private async ask(
    question: string,
    { trace, request }: { trace: number; request: TraceRequest },
  ): Promise<unknown> {
    const { traces } = this.director;
    this.asked.push(question);
    this.onAsked(question);
    switch (question) {
      case 'beginTrace':
        return traces.begin(trace, request);
      case 'fetchTrace':
        if (this.deaths > 0) {
          this.deaths--;
          traces.end(trace);
          throw new WorkerEndedError('the data plane ended (SIGKILL)');
        }
        return traces.fetch(trace);
      default:
        return traces.end(trace);
    }
  }
}
