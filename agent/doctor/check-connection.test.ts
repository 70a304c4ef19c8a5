// Identity, certificates and the hub: true ones, and each kind of wrong one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CertificateAuthority } from '../../hub/pki/authority.ts';
import { createSystemRandom } from '../../platform/random.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';
import { recordedHost } from '../../test/support/recorded-devices.ts';
import { checkCertificate, checkDns, checkHub, checkIdentity } from './check-connection.ts';
import { readDevice } from './read-device.ts';
import { readSystem } from './read-system.ts';
import type { HubReading, IdentityReading, Readings } from './readings.ts';

const authorityAt = (directory: string): Promise<CertificateAuthority> =>
  CertificateAuthority.open(new VirtualDisk(), createSystemRandom(), directory);
const authority = await authorityAt('/a');
const stranger = await authorityAt('/b');
const subject = { commonName: 'system:node:isle-1', organizations: ['system:nodes'] };
const own = await authority.issueClient(subject);
const other = await authority.issueClient({ ...subject, commonName: 'system:node:isle-2' });
const identity: IdentityReading = {
  nodeName: 'isle-1',
  hubUrl: 'mqtts://hub.example:8883',
  ...own,
  authority: authority.certificate,
};

const host = recordedHost({});
const readings: Readings = {
  device: await readDevice(host, '/data'),
  clock: { nowMs: 0, floorMs: 0, hubDifferenceMs: undefined },
  system: await readSystem(host, '6.1.0', []),
  engine: { error: 'none' },
  agent: { pid: 1, identity: { value: identity } },
  hub: undefined,
};
const withIdentity = (change: Partial<IdentityReading>): Readings => ({
  ...readings,
  agent: { pid: 1, identity: { value: { ...identity, ...change } } },
});
const withHub = (change: Partial<HubReading>): Readings => ({
  ...readings,
  hub: {
    host: 'hub.example',
    port: 8883,
    addresses: { value: ['192.0.2.1'] },
    handshake: { value: { protocol: 'TLSv1.3' } },
    ...change,
  },
});

describe('the certificate', () => {
  it('is good when the authority signed it for this node and this key, whatever the clock says', () => {
    assert.equal(checkCertificate(readings).status, 'ok');
    assert.match(checkIdentity(readings).seen, /^node isle-1 of mqtts:\/\/hub.example:8883$/);
  });

  const cases: [string, Partial<IdentityReading>, RegExp][] = [
    ['of another authority', { authority: stranger.certificate }, /not signed by the authority/],
    ['with the key of another', { key: other.key }, /the key does not belong/],
    ['of another node', { ...other }, /is for .*CN=system:node:isle-2, not for system:node:isle-1/],
    ['that is torn', { certificate: own.certificate.slice(0, 90) }, /can not be read/],
    ['without a key', { key: '' }, /can not be read/],
  ];
  for (const [what, change, seen] of cases) {
    it(`is bad ${what}`, () => {
      const finding = checkCertificate(withIdentity(change));
      assert.equal(finding.status, 'problem');
      assert.match(finding.seen, seen);
    });
  }
});

describe('the hub', () => {
  const cases: [string, Partial<HubReading>, string, RegExp][] = [
    ['that answers', {}, 'ok', /^hub.example:8883 answers .*TLSv1.3$/],
    ['that is away', { handshake: { error: 'connect ECONNREFUSED', noConnection: true } }, 'problem', /^no connection/],
    [
      'of another cluster',
      { handshake: { error: 'self-signed', noConnection: false } },
      'problem',
      /^hub.example:8883 is not the hub/,
    ],
  ];
  for (const [what, change, status, seen] of cases) {
    it(`${what} is ${status}`, () => {
      const finding = checkHub(withHub(change));
      assert.equal(finding.status, status);
      assert.match(finding.seen, seen);
    });
  }

  it('is found by its name, or by its address without one', () => {
    assert.match(checkDns(withHub({})).seen, /^hub.example is at 192.0.2.1$/);
    assert.equal(checkDns(withHub({ addresses: { error: 'getaddrinfo ENOTFOUND' } })).status, 'problem');
    assert.equal(checkDns(withHub({ addresses: undefined })).status, 'not-applicable');
  });
});
