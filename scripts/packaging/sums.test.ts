// Checksums of packages and their signature: what is noticed when somebody
// changes a file, the sums, or the key.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { problemsOf, readSigningKey, writeSums } from './sums.ts';

const base = mkdtempSync(join(tmpdir(), 'skerry-sums-'));
const keyFiles = { signing: join(base, 'release.pem'), public: join(base, 'release.pub.pem') };
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
writeFileSync(keyFiles.signing, privateKey.export({ type: 'pkcs8', format: 'pem' }));
writeFileSync(keyFiles.public, publicKey.export({ type: 'spki', format: 'pem' }));
after(() => rmSync(base, { recursive: true }));

describe('checksums and their signature', () => {
  let directory: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(base, 'packages-'));
    writeFileSync(join(directory, 'skerry-linux-x64'), 'program');
    writeFileSync(join(directory, 'skerry_0.1.0_amd64.deb'), 'package');
    await writeSums(directory, readSigningKey(keyFiles.signing));
  });

  it('are good as they were made, and known to other tools', async () => {
    assert.deepEqual(await problemsOf(directory, keyFiles.public), []);
    assert.match(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: directory }).toString(), /^(\S+: OK\n){2}$/);
  });

  it('tell what was changed, added or taken away', async () => {
    writeFileSync(join(directory, 'skerry-linux-x64'), 'pro9ram');
    writeFileSync(join(directory, 'extra'), '');
    rmSync(join(directory, 'skerry_0.1.0_amd64.deb'));
    assert.deepEqual(await problemsOf(directory, keyFiles.public), [
      'skerry_0.1.0_amd64.deb: is missing',
      'extra: is not in SHA256SUMS',
      'skerry-linux-x64: its checksum differs',
    ]);
  });

  it('are worth nothing with another signature, another key, or none', async () => {
    const sums = readFileSync(join(directory, 'SHA256SUMS'), 'utf8');
    writeFileSync(
      join(directory, 'SHA256SUMS'),
      sums.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    );
    const notThisKey = ['SHA256SUMS.sig: is not the signature of SHA256SUMS by this key'];
    assert.deepEqual(await problemsOf(directory, keyFiles.public), notThisKey);
    await writeSums(directory, generateKeyPairSync('ed25519').privateKey);
    assert.deepEqual(await problemsOf(directory, keyFiles.public), notThisKey);
    await writeSums(directory, undefined);
    assert.deepEqual(await problemsOf(directory, keyFiles.public), [
      'SHA256SUMS.sig: is missing: these packages are not signed',
    ]);
  });

  it('need a key of the right kind', () => {
    const wrong = join(base, 'wrong.pem');
    writeFileSync(wrong, 'no key');
    assert.throws(() => readSigningKey(wrong), /wrong\.pem: expected a private key in PEM/);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    writeFileSync(wrong, rsa.export({ type: 'pkcs8', format: 'pem' }));
    assert.throws(() => readSigningKey(wrong), /wrong\.pem: expected an ed25519 key, found rsa/);
  });
});
