// The cluster's certificate authority: made at the first start, kept in the
// data directory, signs the hub's own certificates and those of nodes.
// Devices have no clock worth trusting, so certificates begin in 1970 and end
// in 2099; a key is taken out of use by removing what it is allowed, not by waiting.
import { createHash, X509Certificate as NodeCertificate, type webcrypto } from 'node:crypto';
import { join } from 'node:path';
import 'reflect-metadata'; // @peculiar/x509 is built on it and does not load it itself
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Disk } from '../../platform/disk.ts';
import type { Random } from '../../platform/random.ts';

type CryptoKey = webcrypto.CryptoKey;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const notBefore = new Date(0);
const notAfter = new Date('2099-12-31T23:59:59Z');

/** A certificate and its private key, PEM. */
export type KeyPair = { certificate: string; key: string };
/** The subject of a client certificate: CN is the user's name, each O a group. */
export type Subject = { commonName: string; organizations: readonly string[] };

export class CertificateRequestError extends Error {}

/** PEM files end with a newline, so that they can be put one behind the other. */
function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function subjectName({ commonName, organizations }: Subject): string {
  const quote = (text: string): string => text.replace(/([,+"\\<>;=])/g, '\\$1');
  return [...organizations.map((group) => `O=${quote(group)}`), `CN=${quote(commonName)}`].join(', ');
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

export class CertificateAuthority {
  readonly certificate: string;
  /** SHA-256 of the DER certificate, hex: what a join token pins. */
  readonly fingerprint: string;
  #issuer: X509Certificate;
  #key: CryptoKey;
  #random: Random;

  private constructor(certificate: string, key: CryptoKey, random: Random) {
    this.certificate = certificate;
    this.#issuer = new X509Certificate(certificate);
    this.fingerprint = fingerprintOf(this.#issuer.rawData);
    this.#key = key;
    this.#random = random;
  }

  /** Loads the authority of a directory, making it when there is none. */
  static async open(disk: Disk, random: Random, directory: string): Promise<CertificateAuthority> {
    const [certificatePath, keyPath] = [join(directory, 'ca.crt'), join(directory, 'ca.key')];
    const [certificate, key] = [await disk.read(certificatePath), await disk.read(keyPath)];
    if (certificate !== undefined && key !== undefined) {
      const der = PemConverter.decodeFirst(Buffer.from(key).toString());
      return new CertificateAuthority(
        Buffer.from(certificate).toString(),
        await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
        random,
      );
    }
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const made = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(random),
      name: 'CN=skerry-ca',
      notBefore,
      notAfter,
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(
          KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
          true,
        ),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    await disk.makeDirectory(directory);
    // The key first: a certificate without its key could never be used again.
    await disk.write(keyPath, await exportKey(keys.privateKey));
    await disk.write(certificatePath, pemOf(made));
    return new CertificateAuthority(pemOf(made), keys.privateKey, random);
  }

  /** A certificate for serving under these DNS names and IP addresses. */
  async issueServer(names: readonly string[]): Promise<KeyPair> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const alternatives = names.map((name) => ({
      type: isAddress(name) ? ('ip' as const) : ('dns' as const),
      value: name,
    }));
    const certificate = await this.#sign(
      keys.publicKey,
      { commonName: 'skerry-hub', organizations: [] },
      ExtendedKeyUsage.serverAuth,
      [new SubjectAlternativeNameExtension(alternatives)],
    );
    return { certificate, key: await exportKey(keys.privateKey) };
  }

  /** A client certificate with a key made here. */
  async issueClient(subject: Subject): Promise<KeyPair> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    return {
      certificate: await this.#sign(keys.publicKey, subject, ExtendedKeyUsage.clientAuth),
      key: await exportKey(keys.privateKey),
    };
  }

  /**
   * Signs a PKCS #10 request (PEM) for exactly this subject.
   * @throws CertificateRequestError when it can't be read, its signature is wrong, or it asks for another subject
   */
  async signRequest(requestPem: string, subject: Subject, untilMs?: number): Promise<string> {
    const request = readRequest(requestPem);
    if (!(await request.verify())) throw new CertificateRequestError("the request's signature does not fit its key");
    const asked = requestSubject(request);
    if (asked.commonName !== subject.commonName || asked.organizations.join() !== subject.organizations.join()) {
      throw new CertificateRequestError(`the request is for ${request.subject}, expected ${subjectName(subject)}`);
    }
    const until = untilMs === undefined ? notAfter : new Date(untilMs);
    return this.#sign(await request.publicKey.export(), subject, ExtendedKeyUsage.clientAuth, [], until);
  }

  async #sign(
    publicKey: CryptoKey,
    subject: Subject,
    usage: ExtendedKeyUsage,
    more: SubjectAlternativeNameExtension[] = [],
    until: Date = notAfter,
  ): Promise<string> {
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(this.#random),
      subject: subjectName(subject),
      issuer: this.#issuer.subject,
      notBefore,
      notAfter: until,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        ...more,
      ],
    });
    return pemOf(certificate);
  }
}

/** Common name and organizations of a request's subject. */
export function requestSubject(request: Pkcs10CertificateRequest): Subject {
  return { commonName: request.subjectName.getField('CN')[0] ?? '', organizations: request.subjectName.getField('O') };
}

/** @throws CertificateRequestError */
function readRequest(requestPem: string): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(requestPem);
  } catch (error) {
    throw new CertificateRequestError('spec.request is not a PEM-encoded PKCS #10 certificate request', {
      cause: error,
    });
  }
}

/** Subject of a PEM request. @throws CertificateRequestError */
export function readRequestSubject(requestPem: string): Subject {
  return requestSubject(readRequest(requestPem));
}

/**
 * Public key of a PEM request that its holder has signed: SubjectPublicKeyInfo, DER.
 * @throws CertificateRequestError when it can't be read, or its signature does not fit
 */
export async function readRequestKey(requestPem: string): Promise<Uint8Array> {
  const request = readRequest(requestPem);
  if (!(await request.verify())) throw new CertificateRequestError("the request's signature does not fit its key");
  return new Uint8Array(request.publicKey.rawData);
}

/** Names and addresses that a serving certificate is good for. */
export function namesOfCertificate(pem: string): string[] {
  const text = new NodeCertificate(pem).subjectAltName ?? '';
  return text.split(', ').map((part) => part.replace(/^(DNS|IP Address):/, ''));
}

/** SHA-256 of DER bytes, hex. */
function fingerprintOf(der: ArrayBuffer): string {
  return createHash('sha256').update(Buffer.from(der)).digest('hex');
}

function serialNumber(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function isAddress(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(':');
}
