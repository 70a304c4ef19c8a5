// Control files and names of Debian packages; that their parts are there.
// Installing them is tested in test/integration/packages.test.ts.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { controlFile, debianFileName, debianPackages } from './debian.ts';

describe('Debian packages', () => {
  it('have names and needs of their architecture', () => {
    assert.equal(debianFileName('skerry', '0.1.0', 'x64'), 'skerry_0.1.0_amd64.deb');
    for (const described of debianPackages) {
      const armhf = controlFile(described, 'armv7', '0.1.0', 70_000);
      assert.match(armhf, /^Architecture: armhf$/m);
      assert.match(armhf, /^Depends: .*libatomic1$/m);
      assert.doesNotMatch(controlFile(described, 'arm64', '0.1.0', 70_000), /libatomic/);
      assert.match(armhf, new RegExp(`^Description: ${described.synopsis}\n `, 'm'));
      for (const line of armhf.split('\n')) assert.ok(line.length < 90 && !/^\s*$/.test(line) === (line !== ''), line);
    }
  });

  it('have their files', () => {
    for (const { name, service, configuration } of debianPackages)
      for (const file of [service, configuration, 'postinst', 'prerm', 'postrm'])
        assert.ok(existsSync(join(import.meta.dirname, 'debian', name, file)), `${name}/${file}`);
  });
});
