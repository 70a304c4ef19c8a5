// A request for a client certificate, as PEM, with a key that nobody keeps.
import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PKCS#10 of a new key for the user. */
export async function signingRequest(user: string): Promise<string> {
  const keys = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${user}`,
    keys,
    signingAlgorithm: algorithm,
  });
  return request.toString('pem');
}
