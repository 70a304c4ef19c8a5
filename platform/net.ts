// TLS and TCP sockets, for the adapters that put a protocol on them.
import { spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { connect as connectTcp, Socket } from 'node:net';
import { connect, createServer, type PeerCertificate, type TLSSocket } from 'node:tls';
import { whenAborted } from './abort.ts';
import { ownCommand } from './process.ts';

export type TlsListenOptions = {
  bindAddress: string;
  port: number;
  /** PEM. */
  certificate: string;
  key: string;
  /** Of client certificates; without it none are asked for. */
  clientAuthority?: string;
  /** Connections at once; more are refused. */
  maxConnections?: number;
};

/**
 * Accepts TLS connections until the signal aborts; client certificates may be missing
 * (`socket.authorized` tells). Resolves with the port.
 */
export function listenTls(
  options: TlsListenOptions,
  signal: AbortSignal,
  onSocket: (socket: TLSSocket) => void,
): Promise<number> {
  const sockets = new Set<TLSSocket>();
  const { clientAuthority, maxConnections } = options;
  const server = createServer(
    {
      cert: options.certificate,
      key: options.key,
      ...(clientAuthority === undefined ? {} : { ca: clientAuthority, requestCert: true }),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 20_000,
    },
    (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      // A connection that breaks is closed by its protocol; the error itself says nothing more.
      socket.on('error', () => undefined);
      onSocket(socket);
    },
  );
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  signal.addEventListener('abort', () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.bindAddress, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : options.port);
    });
  });
}

/** Most certificates looked at in a peer's chain. */
const maxChainLength = 8;

/** The certificates (DER) that a TLS server shows, its own first. Nothing of them is verified, and nothing is sent. */
export function readPeerChain(host: string, port: number, timeoutMs: number): Promise<Buffer[]> {
  type Chained = PeerCertificate & { issuerCertificate?: Chained };
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: timeoutMs });
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    socket.once('secureConnect', () => {
      const chain: Buffer[] = [];
      let certificate = socket.getPeerCertificate(true) as Chained | undefined;
      while (certificate?.raw !== undefined && chain.length < maxChainLength) {
        chain.push(certificate.raw);
        // A chain ends in a certificate that names itself as its issuer.
        certificate = certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate;
      }
      socket.destroy();
      resolve(chain);
    });
  });
}

/** A TLS connection was begun, and came to nothing. */
export class HandshakeError extends Error {}

/**
 * Shakes hands with a TLS server that must show a certificate of this authority (PEM), whatever its name, and leaves.
 * Resolves with the version of TLS. Nothing is sent. @throws HandshakeError, or Error when there is no connection
 */
export function shakeHands(host: string, port: number, authority: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ca: authority, checkServerIdentity: () => undefined, timeout: timeoutMs });
    let isConnected = false;
    socket.once('connect', () => {
      isConnected = true;
    });
    socket.once('error', (error) => reject(isConnected ? new HandshakeError(error.message, { cause: error }) : error));
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol() ?? 'TLS');
      socket.destroy();
    });
  });
}

/** Addresses of a name, as the system's resolver has them. @throws Error */
export async function resolveName(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

export type HttpProbe = {
  scheme: 'http' | 'https';
  host: string;
  port: number;
  path: string;
  headers: Record<string, string>;
  timeoutMs: number;
};

/** Status code of a GET; certificates are not verified, redirects not followed. Rejects when there is no answer in time. */
export function httpStatus({ scheme, host, port, path, headers, timeoutMs }: HttpProbe): Promise<number> {
  return new Promise((resolve, reject) => {
    const get = scheme === 'https' ? httpsGet : httpGet;
    const call = get(
      { host, port, path, headers, timeout: timeoutMs, agent: false, rejectUnauthorized: false },
      (response) => {
        response.destroy();
        resolve(response.statusCode ?? 0);
      },
    );
    call.once('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    call.once('error', reject);
  });
}

/** Opens a TCP connection and closes it. Rejects when it can't be opened in time. */
export function tcpReachable(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, timeout: timeoutMs });
    socket.once('timeout', () => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

/** Opens a TCP connection, which ends with the signal. Rejects when it can't be opened in time. */
export function connectTo(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    whenAborted(signal, () => socket.destroy());
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection has ended before it was open'));
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Command line words after which a process of this program is `dialInNamespace`. */
export const dialCommand = 'dial-in-namespace';

/**
 * Opens a TCP connection to the loopback address inside the network namespace of a process. Node can't change
 * its namespace: a short-lived copy of this program, started inside, opens the connection and hands it over.
 */
export function connectInNamespace(pid: number, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const self = [...ownCommand(), dialCommand, '--port', String(port)];
  return new Promise((resolve, reject) => {
    const child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, ...self], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const fail = (): void => reject(new Error(`connection to port ${port} inside the pod was refused`));
    child.once('error', reject);
    // Not when it exits: a connection that it has handed over may come after that.
    child.once('disconnect', () => {
      clearTimeout(timer);
      fail();
    });
    child.once('message', (_message, handle) => {
      if (!(handle instanceof Socket)) return fail();
      whenAborted(signal, () => handle.destroy());
      resolve(handle);
    });
  });
}

/** The other half of `connectInNamespace`: connects, hands the connection to the parent, and is done. */
export function dialInNamespace(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true });
    // What comes now is for whom the socket is handed to.
    socket.pause();
    socket.once('error', reject);
    socket.once('connect', () => process.send?.('connected', socket, {}, () => resolve()));
  });
}
