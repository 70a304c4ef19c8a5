// What of a pod's spec reaches its containers in a real engine: network, limits,
// identity, volumes, configuration, and what is said when it can't.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestAgent } from '../support/agent.ts';
import { type Pod, TestCluster } from '../support/cluster.ts';
import { docker, environmentOf, executeIn, images } from '../support/engine.ts';
import { forever, podOf, shell, shellPod } from '../support/pods.ts';
import { runDirectory } from '../support/traces.ts';

/** A port that was free just now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

const configMap = (name: string, data: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

describe('containers of a node', { timeout: 150_000, concurrency: 3 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  before(async () => {
    cluster = await TestCluster.start();
    agent = await cluster.addAgent({ name: 'solo' });
  });
  after(async () => {
    const errors = cluster?.hub.errors();
    await cluster?.stop();
    assert.deepEqual(errors, []);
  });

  const idOf = (pod: Pod): string => pod.status.containerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
  const waits = (name: string, ...reasons: string[]): Promise<Pod> =>
    cluster.podUntil(name, `waits because of ${reasons}`, (pod) =>
      reasons.includes(pod.status.containerStatuses?.[0]?.state.waiting?.reason ?? ''),
    );
  const fetched = (url: string): Promise<string> =>
    cluster.until(`${url} answers`, async () => (await fetch(url, { signal: AbortSignal.timeout(2000) })).text());

  it('are reachable by the pod IP and by a hostPort, and reach each other on localhost', async () => {
    const port = await freePort();
    const [ports, serve] = [[{ containerPort: 8080, hostPort: port }], 'exec httpd -f -p 8080 -h /'];
    await cluster.kubectl.apply([
      podOf('served', { containers: [shell('main', serve, { ports }), shell('beside', forever)] }),
    ]);
    const pod = await cluster.podReady('served');
    assert.equal(await fetched(`http://${pod.status.podIP}:8080/version`), '1\n');
    assert.equal(await fetched(`http://127.0.0.1:${port}/version`), '1\n');
    const beside = (await agent.running()).get('served/beside') ?? '';
    assert.equal(await executeIn(beside, ['wget', '-q', '-O', '-', 'http://127.0.0.1:8080/version']), '1\n');
    assert.equal((await executeIn(beside, ['hostname'])).trim(), 'served');
    await cluster.kubectl.apply([shellPod('visitor')]);
    const visitor = idOf(await cluster.podReady('visitor'));
    const url = `http://${pod.status.podIP}:8080/version`;
    assert.equal(await executeIn(visitor, ['wget', '-q', '-O', '-', url]), '1\n');
    // The port is taken on this node: the next one has to wait.
    await cluster.kubectl.apply([shellPod('crowded', serve, { ports })]);
    await cluster.until('the scheduler says why', async () =>
      /free ports/.test(await cluster.kubectl.ok(['events', '--for', 'pod/crowded'])) ? true : undefined,
    );
  });

  it('get the limits, the user and the rights that they should have', async () => {
    const fields = {
      resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m', memory: '32Mi' } },
      securityContext: {
        runAsUser: 1234,
        runAsGroup: 2345,
        readOnlyRootFilesystem: true,
        capabilities: { add: ['NET_ADMIN'], drop: ['MKNOD'] },
      },
      workingDir: '/etc',
    };
    await cluster.kubectl.apply([shellPod('limited', forever, fields, { securityContext: { fsGroup: 3456 } })]);
    const id = idOf(await cluster.podReady('limited'));
    const { HostConfig, Config } = await docker.getContainer(id).inspect();
    assert.equal(HostConfig.Memory, 64 * 1024 * 1024);
    assert.equal((HostConfig.CpuQuota ?? 0) / (HostConfig.CpuPeriod ?? 1), 0.5);
    assert.equal(HostConfig.CpuShares, 256);
    assert.equal(HostConfig.ReadonlyRootfs, true);
    assert.deepEqual(
      [HostConfig.CapAdd, HostConfig.CapDrop].flat().map((name) => name.replace('CAP_', '')),
      ['NET_ADMIN', 'MKNOD'],
    );
    assert.equal(Config.WorkingDir, '/etc');
    assert.equal((await executeIn(id, ['id', '-u'])).trim(), '1234');
    assert.deepEqual((await executeIn(id, ['id', '-G'])).trim().split(' '), ['2345', '3456']);
    await assert.rejects(executeIn(id, ['touch', '/made']), /Read-only file system/);
  });

  it('are killed when they need more memory than they may have', async () => {
    const resources = { limits: { memory: '16Mi' } };
    // The shell outlives what is killed: where everything ends at once, Docker may miss the kernel's word of why.
    const greedy = shellPod(
      'greedy',
      'tail /dev/zero; code=$?; sleep 2; exit $code',
      { resources },
      { restartPolicy: 'Never' },
    );
    await cluster.kubectl.apply([greedy]);
    // The engine may hear of the reason after it has heard of the end.
    const pod = await cluster.podUntil(
      'greedy',
      'is killed for its memory',
      ({ status }) =>
        status.phase === 'Failed' && status.containerStatuses?.[0]?.state.terminated?.reason === 'OOMKilled',
    );
    assert.equal(pod.status.containerStatuses?.[0]?.state.terminated?.exitCode, 137);
  });

  it('wait for an image that must not be pulled, or can not', async () => {
    await cluster.kubectl.apply([
      shellPod('unpulled', forever, { image: 'skerry-test/none:1', imagePullPolicy: 'Never' }),
      shellPod('unpullable', forever, { image: '127.0.0.1:1/none:1' }),
    ]);
    const unpulled = await waits('unpulled', 'ErrImageNeverPull');
    assert.match(
      unpulled.status.containerStatuses?.[0]?.state.waiting?.message ?? '',
      /Container image "skerry-test\/none:1" is not present with pull policy of Never/,
    );
    assert.match(await cluster.kubectl.ok(['get', 'pod', 'unpulled']), /\bErrImageNeverPull\b/);
    await waits('unpullable', 'ErrImagePull', 'ImagePullBackOff');
    // A change of the image is all that it takes.
    await cluster.kubectl.ok(['set', 'image', 'pod/unpulled', `main=${images.two}`]);
    const id = idOf(await cluster.podReady('unpulled'));
    assert.equal(await executeIn(id, ['cat', '/version']), '2\n');
  });

  it('wait for a ConfigMap that is missing, and start when it is there', async () => {
    const env = [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'late', key: 'color' } } }];
    await cluster.kubectl.apply([shellPod('patient', forever, { env })]);
    const pod = await waits('patient', 'CreateContainerConfigError');
    const message = pod.status.containerStatuses?.[0]?.state.waiting?.message;
    assert.equal(message, 'configmap "late" not found');
    await cluster.kubectl.apply([configMap('late', { color: 'teal' })]);
    const environment = await environmentOf(idOf(await cluster.podReady('patient')));
    assert.equal(environment.COLOR, 'teal');
  });

  it('see their environment, and files that follow their source', async () => {
    await cluster.kubectl.apply([
      configMap('tide', { level: 'low', 'app.conf': 'a=1\n' }),
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'chest' }, stringData: { key: 'brass' } },
      podOf('reader', {
        containers: [
          shell('main', forever, {
            env: [
              { name: 'LEVEL', valueFrom: { configMapKeyRef: { name: 'tide', key: 'level' } } },
              { name: 'KEY', valueFrom: { secretKeyRef: { name: 'chest', key: 'key' } } },
              { name: 'NONE', valueFrom: { secretKeyRef: { name: 'none', key: 'key', optional: true } } },
              { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'BOTH', value: '$(POD) at $(LEVEL) tide, $$(POD)' },
            ],
            volumeMounts: [
              { name: 'tide', mountPath: '/etc/tide' },
              { name: 'tide', mountPath: '/etc/one.conf', subPath: 'app.conf' },
              { name: 'chest', mountPath: '/etc/chest', readOnly: true },
            ],
          }),
        ],
        volumes: [
          { name: 'tide', configMap: { name: 'tide' } },
          { name: 'chest', secret: { secretName: 'chest', defaultMode: 0o400 } },
        ],
      }),
    ]);
    const id = idOf(await cluster.podReady('reader'));
    const environment = await environmentOf(id);
    assert.deepEqual(
      [environment.LEVEL, environment.KEY, environment.NONE, environment.BOTH],
      ['low', 'brass', undefined, 'reader at low tide, $(POD)'],
    );
    const file = (path: string): Promise<string> => executeIn(id, ['cat', path]);
    assert.deepEqual([await file('/etc/tide/level'), await file('/etc/one.conf')], ['low', 'a=1\n']);
    assert.equal(await file('/etc/chest/key'), 'brass');
    assert.equal((await executeIn(id, ['stat', '-L', '-c', '%a', '/etc/chest/key'])).trim(), '400');
    await cluster.kubectl.apply([configMap('tide', { level: 'high', 'app.conf': 'a=2\n', more: 'new' })]);
    await cluster.until('the files follow', async () =>
      (await file('/etc/tide/level')) === 'high' ? true : undefined,
    );
    assert.deepEqual([await file('/etc/tide/app.conf'), await file('/etc/tide/more')], ['a=2\n', 'new']);
    // A file mounted by itself and the environment stay as they were.
    assert.deepEqual([await file('/etc/one.conf'), (await environmentOf(id)).LEVEL], ['a=1\n', 'low']);
    assert.equal(idOf(await cluster.pod('reader')), id);
  });

  it('share directories of the device', async () => {
    const directory = join(runDirectory, 'device');
    await mkdir(directory);
    writeFileSync(join(directory, 'given'), 'by the device');
    const volumeMounts = [
      { name: 'device', mountPath: '/device' },
      { name: 'made', mountPath: '/made' },
    ];
    const volumes = [
      { name: 'device', hostPath: { path: directory, type: 'Directory' } },
      { name: 'made', hostPath: { path: join(directory, 'made'), type: 'DirectoryOrCreate' } },
    ];
    await cluster.kubectl.apply([shellPod('shared', forever, { volumeMounts }, { volumes })]);
    const id = idOf(await cluster.podReady('shared'));
    assert.equal(await executeIn(id, ['cat', '/device/given']), 'by the device');
    await executeIn(id, ['sh', '-c', 'echo taken > /made/taken']);
    assert.equal(await readFile(join(directory, 'made/taken'), 'utf8'), 'taken\n');
    const missing = [{ name: 'made', hostPath: { path: join(directory, 'none'), type: 'Directory' } }];
    const mounts = { volumeMounts: [{ name: 'made', mountPath: '/made' }] };
    await cluster.kubectl.apply([shellPod('unshared', forever, mounts, { volumes: missing })]);
    await cluster.until('the missing directory is told', async () =>
      /FailedMount.*does not exist/.test(await cluster.kubectl.ok(['events', '--for', 'pod/unshared']))
        ? true
        : undefined,
    );
    // What belongs to the device stays when the pod goes.
    await cluster.kubectl.ok(['delete', 'pod', 'shared', 'unshared', '--wait=false']);
    await cluster.podGone('shared');
    await cluster.podGone('unshared');
    assert.ok(existsSync(join(directory, 'made/taken')));
  });
});
