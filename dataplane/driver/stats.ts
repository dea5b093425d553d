/** Counters of one port of a driver since it was opened. */
export interface PortStats {
  receivedFrames: number;
  sentFrames: number;
  handedBackFrames: number;
  /** Frames the receive ring had no room for. */
  ringDrops: number;
  /** Times a flush couldn't hand everything over and kept the rest. */
  backPressure: number;
  /** Frames the interface refused. */
  sendErrors: number;
}
