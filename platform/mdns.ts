// Services on the local network by multicast DNS (RFC 6762): one socket a
// network adapter, so that a machine in several networks is seen in all of them.
import { networkInterfaces } from 'node:os';
import makeMulticastDns, { type MulticastDNS } from 'multicast-dns';
import { whenAborted } from './abort.ts';
import { type FoundService, isAsked, recordsOf, type Service, servicesIn } from './dns-sd.ts';

/** How often the adapters are looked at: cables and wireless networks come late. */
const refreshMs = 5000;
/** Answers go out at most this often; what is asked meanwhile is answered together. */
const answerPauseMs = 200;
/** When a browser asks, ms after its start: packets get lost. */
const queryTimesMs = [0, 300, 1000, 2000];
/** Services that a browser tells of. */
const maxServices = 1000;

function localAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}

/** A socket for each adapter of this machine, as long as the signal lasts. */
function onEachAdapter(signal: AbortSignal, use: (socket: MulticastDNS, address: string) => void): void {
  const sockets = new Map<string, MulticastDNS>();
  const drop = (address: string): void => {
    sockets.get(address)?.destroy();
    sockets.delete(address);
  };
  const refresh = (): void => {
    const addresses = localAddresses();
    for (const address of sockets.keys()) if (!addresses.includes(address)) drop(address);
    for (const address of addresses.filter((candidate) => !sockets.has(candidate))) {
      const socket = makeMulticastDns({ interface: address, bind: '0.0.0.0' });
      sockets.set(address, socket);
      // An adapter that goes away takes its socket along; the next look makes another.
      socket.on('error', () => drop(address));
      socket.on('warning', () => undefined);
      use(socket, address);
    }
  };
  refresh();
  const timer = setInterval(refresh, refreshMs);
  whenAborted(signal, () => {
    clearInterval(timer);
    for (const address of [...sockets.keys()]) drop(address);
  });
}

/** Makes a service known until the signal aborts. */
export function announceService(service: Service, signal: AbortSignal): void {
  onEachAdapter(signal, (socket, address) => {
    let timer: NodeJS.Timeout | undefined;
    const answer = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        socket.respond({ answers: recordsOf(service, [address]) });
      }, answerPauseMs);
    };
    socket.on('query', ({ questions = [] }) => {
      if (isAsked(service, questions)) answer();
    });
    socket.on('ready', answer);
    whenAborted(signal, () => clearTimeout(timer));
  });
}

/** Calls back with each service of a type that answers until the signal aborts, once a service and address. */
export function browseServices(type: string, signal: AbortSignal, onFound: (service: FoundService) => void): void {
  const known = new Set<string>();
  onEachAdapter(signal, (socket) => {
    socket.on('response', ({ answers = [], additionals = [] }, { address }) => {
      for (const found of servicesIn([...answers, ...additionals], type)) {
        const key = JSON.stringify([found.name, found.port, address]);
        if (known.has(key) || known.size >= maxServices) continue;
        known.add(key);
        // From where it has answered is where it can be reached.
        onFound({ ...found, addresses: [address, ...found.addresses.filter((other) => other !== address)] });
      }
    });
    const questions = [{ name: `${type}.local`, type: 'PTR' as const }];
    const timers = queryTimesMs.map((delayMs) => setTimeout(() => socket.query({ questions }), delayMs));
    whenAborted(signal, () => {
      for (const timer of timers) clearTimeout(timer);
    });
  });
}
