// What kubectl asks of an API server beside its objects: versions, addresses,
// differences, and the whole API through a proxy on this machine.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conformance } from './support/conformance.ts';

conformance(
  '[sig-cli] Kubectl client Kubectl api-versions should check if v1 is in available api versions [Conformance]',
  async ({ hub }) => {
    const versions = (await hub.kubectl.ok(['api-versions'])).split('\n');
    assert.ok(versions.includes('v1'), versions.join());
  },
);

conformance(
  '[sig-cli] Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info [Conformance]',
  async ({ hub }) => {
    // Words are coloured by control sequences between them.
    const info = await hub.kubectl.ok(['cluster-info']);
    for (const part of ['Kubernetes control plane', 'is running at', hub.httpsUrl])
      assert.ok(info.includes(part), info);
  },
);

conformance(
  '[sig-cli] Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments [Conformance]',
  async ({ hub, namespace }) => {
    const deployment = (image: string): string =>
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'httpd-deployment', labels: { app: 'httpd' } },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'httpd' } },
          template: {
            metadata: { labels: { app: 'httpd' } },
            spec: { containers: [{ name: 'httpd', image, ports: [{ containerPort: 80 }] }] },
          },
        },
      });
    const [live, declared] = ['registry.example/httpd:2.4', 'registry.example/busybox:1.37'];
    await hub.kubectl.ok(['-n', namespace, 'create', '-f', '-'], { stdin: deployment(live) });
    const same = await hub.kubectl.run(['-n', namespace, 'diff', '-f', '-'], { stdin: deployment(live) });
    assert.deepEqual([same.code, same.stdout], [0, ''], same.stderr);
    const other = await hub.kubectl.run(['-n', namespace, 'diff', '-f', '-'], { stdin: deployment(declared) });
    assert.equal(other.code, 1, other.stderr);
    assert.match(other.stdout, new RegExp(`^-.*image: ${live}$`, 'm'));
    assert.match(other.stdout, new RegExp(`^\\+.*image: ${declared}$`, 'm'));
  },
);

conformance(
  '[sig-cli] Kubectl client Kubectl version should check is all data is printed [Conformance]',
  async ({ hub }) => {
    const versions = await hub.kubectl.ok(['version']);
    assert.match(versions, /^Client Version: v\d\.\d+\.[\w.+-]+$/m);
    assert.match(versions, /^Server Version: v\d\.\d+\.[\w.+-]+$/m);
  },
);

/** The versions of the core API, as a proxy answers. */
function coreVersions(address: RequestOptions): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const call = request({ ...address, path: '/api/', agent: false, timeout: 20_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${response.statusCode} ${text}`));
        else resolve((JSON.parse(text) as { versions: string[] }).versions);
      });
    });
    call.on('timeout', () => call.destroy(new Error('the proxy does not answer')));
    call.on('error', reject);
    call.end();
  });
}

conformance(
  '[sig-cli] Kubectl client Proxy server should support --unix-socket=/path [Conformance]',
  async ({ hub }) => {
    const directory = await mkdtemp(join(tmpdir(), 'skerry-proxy-'));
    const socketPath = join(directory, 'test');
    const proxy = await hub.kubectl.stream(['proxy', `--unix-socket=${socketPath}`]);
    try {
      await proxy.line(/^Starting to serve on /);
      assert.ok((await coreVersions({ socketPath })).includes('v1'));
    } finally {
      await proxy.stop();
      await rm(directory, { recursive: true });
    }
  },
);

conformance(
  '[sig-cli] Kubectl client Proxy server should support proxy with --port 0 [Conformance]',
  async ({ hub }) => {
    const proxy = await hub.kubectl.stream(['proxy', '--port=0', '--disable-filter']);
    try {
      const line = await proxy.line(/^Starting to serve on 127\.0\.0\.1:\d+$/);
      assert.ok((await coreVersions({ host: '127.0.0.1', port: Number(line.split(':').at(-1)) })).includes('v1'));
    } finally {
      await proxy.stop();
    }
  },
);
