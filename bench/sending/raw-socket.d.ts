/** The part of npm's raw-socket that is used; the package has no types of its own. */
declare module 'raw-socket' {
  export interface Socket {
    /** Queues a packet; one is sent each time the event loop finds the socket writable. */
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      onSent: (error: Error | null, bytes: number) => void,
    ): void;
    setOption(level: number, option: number, value: number): void;
    close(): void;
  }
  export function createSocket(options: { protocol: number }): Socket;
  export const SocketLevel: { IPPROTO_IP: number };
  export const SocketOption: { IP_HDRINCL: number };
}
