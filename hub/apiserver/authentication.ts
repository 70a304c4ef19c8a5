// Who is at the other end of a TLS connection: the subject of its certificate.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
import type { TLSSocket } from 'node:tls';
import type { User } from '../../api/meta/operation.ts';

/** The user of a verified client certificate; undefined for anonymous connections. */
export function userOfSocket(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (subject?.CN === undefined) return undefined;
  const organizations: string[] = subject.O === undefined ? [] : [subject.O].flat();
  return { name: [subject.CN].flat()[0] ?? '', groups: [...organizations, 'system:authenticated'] };
}
