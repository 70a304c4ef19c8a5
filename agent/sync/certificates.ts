// What is signed with an agent's own key: the request for its node's
// certificate, and the certificate by which a device that belongs to nobody is known.
import { createPublicKey, webcrypto } from 'node:crypto';
import 'reflect-metadata'; // @peculiar/x509 is built on it and does not load it itself
import { PemConverter, Pkcs10CertificateRequestGenerator, X509CertificateGenerator } from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Both halves of a key, of which the file holds the private one. */
async function importKeys(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const publicDer = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  const { subtle } = webcrypto;
  return {
    privateKey: await subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), algorithm, false, ['sign']),
    publicKey: await subtle.importKey('spki', publicDer, algorithm, true, ['verify']),
  };
}

/** A PKCS #10 request (PEM) for the certificate of a node. */
export async function certificateRequest(keyPem: string, nodeName: string): Promise<string> {
  const keys = await importKeys(keyPem);
  const name = `O=system:nodes, CN=system:node:${nodeName}`;
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: algorithm });
  return request.toString('pem');
}

/** A certificate (PEM) that says nothing but which key it is. Without dates that mean something: no clock is trusted. */
export async function selfSignedCertificate(keyPem: string): Promise<string> {
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=skerry-device',
    notBefore: new Date(0),
    notAfter: new Date('2099-12-31T23:59:59Z'),
    keys: await importKeys(keyPem),
    signingAlgorithm: algorithm,
  });
  return certificate.toString('pem');
}
