// The certificate authority: what it issues is accepted by TLS on both sides,
// it is the same after a restart, and it signs exactly what it is asked to.
import assert from 'node:assert/strict';
import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import 'reflect-metadata'; // @peculiar/x509 is built on it and does not load it itself
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { createSystemRandom } from '../../platform/random.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';
import { CertificateAuthority, CertificateRequestError, namesOfCertificate, readRequestSubject } from './authority.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const disk = new VirtualDisk();
const authority = await CertificateAuthority.open(disk, createSystemRandom(), '/data/pki');
const nodeSubject = { commonName: 'system:node:n1', organizations: ['system:nodes'] };

async function requestFor(name: string): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: algorithm });
  return request.toString('pem');
}

describe('the authority', () => {
  it('is a CA that signed itself', () => {
    const certificate = new X509Certificate(authority.certificate);
    assert.ok(certificate.ca);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(authority.fingerprint, createHash('sha256').update(certificate.raw).digest('hex'));
  });

  it('is the same after a restart, and signs with the same key', async () => {
    const again = await CertificateAuthority.open(disk, createSystemRandom(), '/data/pki');
    assert.equal(again.certificate, authority.certificate);
    assert.equal(again.fingerprint, authority.fingerprint);
    const { certificate } = await again.issueClient({ commonName: 'a', organizations: [] });
    assert.ok(new X509Certificate(certificate).verify(new X509Certificate(authority.certificate).publicKey));
  });

  it('is another one in another directory', async () => {
    const other = await CertificateAuthority.open(disk, createSystemRandom(), '/other/pki');
    assert.notEqual(other.fingerprint, authority.fingerprint);
  });

  it('is made anew when a crash left the key alone', async () => {
    const crashed = new VirtualDisk();
    const key = await disk.read('/data/pki/ca.key');
    await crashed.write('/data/pki/ca.key', key ?? '');
    const made = await CertificateAuthority.open(crashed, createSystemRandom(), '/data/pki');
    const issued = await made.issueClient({ commonName: 'a', organizations: [] });
    assert.ok(new X509Certificate(issued.certificate).verify(new X509Certificate(made.certificate).publicKey));
  });
});

describe('certificates', () => {
  it('are valid on a device that believes it is 1970', async () => {
    const { certificate } = await authority.issueClient({ commonName: 'a', organizations: [] });
    for (const pem of [certificate, authority.certificate]) {
      const { validFrom, validTo } = new X509Certificate(pem);
      assert.equal(Date.parse(validFrom), 0);
      assert.ok(Date.parse(validTo) > Date.parse('2099-01-01T00:00:00Z'));
    }
  });

  it('have serial numbers of their own', async () => {
    const serials = new Set<string>();
    for (let count = 0; count < 10; count += 1) {
      const { certificate } = await authority.issueClient({ commonName: 'a', organizations: [] });
      serials.add(new X509Certificate(certificate).serialNumber);
    }
    assert.equal(serials.size, 10);
  });

  it('serve under all their names', async () => {
    const names = ['localhost', 'hub.example', '127.0.0.1', '::1'];
    const { certificate } = await authority.issueServer(names);
    const parsed = new X509Certificate(certificate);
    for (const name of names.slice(0, 2)) assert.equal(parsed.checkHost(name), name);
    for (const name of names.slice(2)) assert.ok(parsed.checkIP(name));
    assert.equal(parsed.checkHost('other.example'), undefined);
    assert.deepEqual(namesOfCertificate(certificate).slice(0, 3), names.slice(0, 3));
    assert.ok(!parsed.ca);
  });

  const subjects = [
    { commonName: 'admin', organizations: ['system:masters'] },
    { commonName: 'a, O=system:masters', organizations: ['b+CN=x', 'c"d', 'e\\f', 'g;h<i>'] },
    { commonName: 'ünï', organizations: [] },
  ];
  for (const subject of subjects) {
    it(`name ${subject.commonName} and nothing else`, async () => {
      const { certificate } = await authority.issueClient(subject);
      const { CN, O } = new X509Certificate(certificate).toLegacyObject().subject as {
        CN: string;
        O?: string | string[];
      };
      assert.deepEqual({ commonName: CN, organizations: [O ?? []].flat() }, subject);
    });
  }

  it('are accepted by TLS on both sides, and not in the wrong role', async () => {
    const server = await authority.issueServer(['localhost']);
    const client = await authority.issueClient(nodeSubject);
    const attempt = async (serving: typeof server, calling: typeof server): Promise<string> => {
      const listener = createServer({
        cert: serving.certificate,
        key: serving.key,
        ca: authority.certificate,
        requestCert: true,
      });
      const outcome = new Promise<string>((resolve) => {
        listener.once('secureConnection', (socket: TLSSocket) => {
          resolve(socket.authorized ? String(socket.getPeerCertificate().subject.CN) : 'refused');
          socket.end();
        });
        listener.once('tlsClientError', () => resolve('refused'));
      });
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const { port } = listener.address() as AddressInfo;
      const options = { port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificate };
      const socket = connect({ ...options, cert: calling.certificate, key: calling.key });
      const failure = new Promise<string>((resolve) => socket.once('error', () => resolve('refused')));
      const result = await Promise.race([outcome, failure]);
      socket.destroy();
      listener.close();
      return result;
    };
    assert.equal(await attempt(server, client), 'system:node:n1');
    assert.equal(await attempt(server, server), 'refused');
    assert.equal(await attempt(client, client), 'refused');
  });
});

describe('requests', () => {
  it('are signed for the subject that they name', async () => {
    const request = await requestFor('O=system:nodes, CN=system:node:n1');
    assert.deepEqual(readRequestSubject(request), nodeSubject);
    const signed = new X509Certificate(await authority.signRequest(request, nodeSubject));
    assert.ok(signed.verify(new X509Certificate(authority.certificate).publicKey));
    assert.match(signed.subject, /CN=system:node:n1/);
  });

  const others = [
    'O=system:nodes, CN=system:node:n2',
    'O=system:masters, CN=system:node:n1',
    'CN=system:node:n1',
    'O=system:nodes, O=system:masters, CN=system:node:n1',
  ];
  for (const name of others) {
    it(`are refused for ${name}`, async () => {
      await assert.rejects(authority.signRequest(await requestFor(name), nodeSubject), CertificateRequestError);
    });
  }

  it('are refused when they are damaged', async () => {
    const request = await requestFor('O=system:nodes, CN=system:node:n1');
    const der = Buffer.from(request.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    for (const bad of ['', 'hello', authority.certificate, forged])
      await assert.rejects(authority.signRequest(bad, nodeSubject), CertificateRequestError);
    assert.throws(() => readRequestSubject('hello'), CertificateRequestError);
  });
});
