// TLS sockets, for the adapters that put a protocol on them.
import { connect, createServer, type PeerCertificate, type TLSSocket } from 'node:tls';

export type TlsListenOptions = {
  bindAddress: string;
  port: number;
  /** PEM. */
  certificate: string;
  key: string;
  clientAuthority: string;
};

/**
 * Accepts TLS connections until the signal aborts; client certificates are asked for and
 * may be missing (`socket.authorized` tells). Resolves with the port.
 */
export function listenTls(
  options: TlsListenOptions,
  signal: AbortSignal,
  onSocket: (socket: TLSSocket) => void,
): Promise<number> {
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    {
      cert: options.certificate,
      key: options.key,
      ca: options.clientAuthority,
      requestCert: true,
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
