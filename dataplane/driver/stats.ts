/** Counters of one port of a driver since it was opened. */
export interface PortStats {
  receivedFrames: number;
  sentFrames: number;
  /** System calls that frames were sent with. */
  sendCalls: number;
  handedBackFrames: number;
  /** Frames the receive ring had no room for. */
  ringDrops: number;
  /** SYNs the SYN ring had no room for, where there is one. */
  synDrops: number;
  /** Times a flush couldn't hand everything over and kept the rest. */
  backPressure: number;
  /** Frames the interface refused. */
  sendErrors: number;
}

/** Counters of a port that has seen nothing yet. */
export function noStats(): PortStats {
  return {
    receivedFrames: 0,
    sentFrames: 0,
    sendCalls: 0,
    handedBackFrames: 0,
    ringDrops: 0,
    synDrops: 0,
    backPressure: 0,
    sendErrors: 0,
  };
}
