/** A DNS server that says what a test wants, over UDP and TCP. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import packets, { type Packet, type Question } from 'dns-packet';
import type { Teardown } from './sidecar.js';

/** Addresses of either family, a response code, or no response at all. */
export type Zone = readonly string[] | 'NXDOMAIN' | 'SERVFAIL' | 'silent';

export interface NameServer {
  readonly port: number;
  /** Questions so far, by name and by type: `a.test AAAA`. */
  readonly questions: string[];
  /** ms until each response. */
  delayMs: number;
  set(name: string, zone: Zone): void;
}

const HOST = '127.0.0.1';

/** More than this does not fit into UDP (RFC 1035, section 4.2.1): the client asks again over TCP. */
const UDP_BYTES = 512;
/** A response of a resolver that asks others: without this bit, an empty one counts as none. */
const RECURSIVE = 0x8180;
const TRUNCATED = 0x0200;
const CODES = { SERVFAIL: 2, NXDOMAIN: 3 };

function respond(query: Packet, zone: Exclude<Zone, 'silent'>): Packet {
  const [question] = query.questions as [Question];
  const { name, type } = question;
  const response: Packet = { id: query.id!, type: 'response', questions: [question] };
  if (typeof zone === 'string') return { ...response, flags: RECURSIVE | CODES[zone] };
  const family = type === 'A' ? 4 : type === 'AAAA' ? 6 : undefined;
  const answers = zone
    .filter((address) => net.isIP(address) === family)
    .map((data) => ({ name, type: type as 'A' | 'AAAA', ttl: 0, data }));
  return { ...response, flags: RECURSIVE, answers };
}

/** @param port 0 for any. */
export async function startNameServer(t: Teardown, port: number): Promise<NameServer> {
  const zones = new Map<string, Zone>();
  const timers = new Set<NodeJS.Timeout>();
  const tcp = net.createServer();
  await once(tcp.listen(port, HOST), 'listening');
  const server: NameServer = {
    port: (tcp.address() as AddressInfo).port,
    questions: [],
    delayMs: 0,
    set: (name, zone) => void zones.set(name, zone),
  };
  const take = (query: Packet, send: (response: Packet) => void): void => {
    const { name, type } = query.questions![0]!;
    server.questions.push(`${name} ${type}`);
    const zone = zones.get(name) ?? 'NXDOMAIN';
    if (zone === 'silent') return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      send(respond(query, zone));
    }, server.delayMs);
    timers.add(timer);
  };
  const udp = dgram.createSocket('udp4', (message, { port: to, address }) =>
    take(packets.decode(message), (response) => {
      const whole = packets.encode(response);
      const short = { ...response, answers: [], flags: RECURSIVE | TRUNCATED };
      udp.send(whole.length > UDP_BYTES ? packets.encode(short) : whole, to, address);
    }),
  );
  udp.bind(server.port, HOST);
  await once(udp, 'listening');
  const sockets = new Set<net.Socket>();
  tcp.on('connection', (socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const query = packets.decode(received.subarray(2, end));
        take(query, (response) => socket.write(packets.streamEncode(response)));
        received = received.subarray(end);
      }
    });
  });
  t.teardown(() => {
    for (const timer of timers) clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
    tcp.close();
    udp.close();
  });
  return server;
}
