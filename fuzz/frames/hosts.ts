/** Who sends frames in sessions, and to whom: few enough that they meet again and again. */
import type { Hosts } from './frame-maker.js';

export const HOSTS: Hosts = {
  clients: [
    0x0a010002, // 10.1.0.2
    0x0a010003,
    0x0a010014,
    0x0a010200, // behind the gateway
    0xc0000201 | 0, // 192.0.2.1
    0x7f000001, // no client's
    0x0a010064, // the VIP's own
  ],
  virtuals: [0x0a010064, 0x0a010064, 0x0a010065, 0x0a010001],
  servers: [0x0a020002, 0x0a020003, 0x0a020004, 0x0a020005, 0x0a020009],
  virtualPorts: [80, 80, 443, 21, 20, 8080, 8081, 5000],
  serverPorts: [8080, 8080, 8080, 5000, 21],
};
