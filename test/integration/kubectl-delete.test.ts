// Deleting with kubectl and what follows from it: by name, file and label,
// grace periods, the three cascades, finalizers, garbage collection, and the
// end of a namespace.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const kube = hub.kubectl;
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const configMap = (name: string, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
});
const template = (app: string): object => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'demo:1' }] },
});
const deployment = (name: string, replicas = 2): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
});
const pod = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: { containers: [{ name: 'c', image: 'demo:1' }], ...spec },
});
const names = async (...args: string[]): Promise<string[]> =>
  (await kube.ok(['get', ...args, '-o', 'name'])).split('\n').filter((name) => name !== '');

/** A deployment whose ReplicaSet and pods are there. */
async function deploy(name: string): Promise<{ sets: string[]; pods: string[] }> {
  await kube.apply([deployment(name)]);
  await kube.ok(['wait', `deploy/${name}`, '--for=jsonpath={.status.replicas}=2', '--timeout=20s']);
  const sets = await names('rs', '-l', `app=${name}`);
  const pods = await names('pods', '-l', `app=${name}`);
  assert.deepEqual([sets.length, pods.length], [1, 2]);
  return { sets, pods };
}

describe('kubectl delete', { timeout: 60_000 }, () => {
  it('by name, kind and name, several, label, file, all', async () => {
    const maps = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) =>
      configMap(name, { labels: { letter: name < 'e' ? 'early' : 'late' } }),
    );
    await kube.apply(maps);
    assert.equal(await kube.ok(['delete', 'configmap', 'a']), 'configmap "a" deleted from default namespace');
    assert.equal(
      await kube.ok(['delete', 'cm/b', 'cm/c']),
      'configmap "b" deleted from default namespace\nconfigmap "c" deleted from default namespace',
    );
    assert.equal(await kube.ok(['delete', 'cm', '-l', 'letter=early']), 'configmap "d" deleted from default namespace');
    const file = await kube.file('e.json', JSON.stringify(configMap('e')));
    assert.equal(await kube.ok(['delete', '-f', file]), 'configmap "e" deleted from default namespace');
    assert.equal(
      await kube.fails(['delete', '-f', file]),
      `Error from server (NotFound): error when deleting "${file}": configmaps "e" not found`,
    );
    assert.equal(await kube.ok(['delete', '-f', file, '--ignore-not-found']), '');
    assert.equal(
      await kube.ok(['delete', 'cm', '--all', '-o', 'name']),
      'configmap/f\nconfigmap/g\nconfigmap/kube-root-ca.crt',
    );
    assert.equal(await kube.fails(['delete', 'cm', 'a']), 'Error from server (NotFound): configmaps "a" not found');
    assert.equal(await kube.fails(['delete', 'cm']), 'error: resource(s) were provided, but no name was specified');
    assert.equal(
      await kube.fails(['delete', 'wombats', 'a']),
      `error: the server doesn't have a resource type "wombats"`,
    );
  });

  it('waits for finalizers', async () => {
    await kube.apply([configMap('held', { finalizers: ['example.com/hold'] })]);
    assert.equal(
      await kube.ok(['delete', 'cm', 'held', '--wait=false']),
      'configmap "held" deleted from default namespace',
    );
    const { metadata } = await kube.json<{ metadata: { deletionTimestamp?: string; finalizers: string[] } }>([
      'get',
      'cm',
      'held',
    ]);
    assert.deepEqual(metadata.finalizers, ['example.com/hold']);
    assert.match(metadata.deletionTimestamp ?? '', /^\d{4}-/);
    const gone = kube.ok(['wait', '--for=delete', 'cm/held', '--timeout=20s']);
    await kube.ok(['patch', 'cm', 'held', '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']);
    await gone;
    assert.match(await kube.fails(['get', 'cm', 'held']), /NotFound/);
  });

  it('a pod on a node stays for its grace period; --force does not wait', async () => {
    await hub.addNode('isle-1');
    await kube.apply([pod('calm', { nodeName: 'isle-1', terminationGracePeriodSeconds: 77 })]);
    await kube.ok(['delete', 'pod', 'calm', '--wait=false']);
    const path = 'jsonpath={.metadata.deletionGracePeriodSeconds}';
    assert.equal(await kube.ok(['get', 'pod', 'calm', '-o', path]), '77');
    assert.match(await kube.ok(['get', 'pod', 'calm', '--no-headers']), /^calm +0\/1 +Terminating +0 /);
    await kube.ok(['delete', 'pod', 'calm', '--wait=false', '--grace-period=5']);
    assert.equal(await kube.ok(['get', 'pod', 'calm', '-o', path]), '5');
    await kube.ok(['delete', 'pod', 'calm', '--wait=false', '--grace-period=60']);
    assert.equal(await kube.ok(['get', 'pod', 'calm', '-o', path]), '5');
    const { stdout, stderr } = await kube.run(['delete', 'pod', 'calm', '--force', '--grace-period=0']);
    assert.equal(stdout, 'pod "calm" force deleted from default namespace\n');
    assert.match(stderr, /^Warning: Immediate deletion does not wait for confirmation/);
    assert.match(await kube.fails(['get', 'pod', 'calm']), /NotFound/);
  });

  it('a pod without a node, and one that has finished, go at once', async () => {
    await kube.apply([pod('waiting', { nodeSelector: { no: 'where' } }), pod('finished', { nodeName: 'isle-1' })]);
    await kube.ok(['patch', 'pod', 'finished', '--subresource=status', '-p', '{"status":{"phase":"Succeeded"}}']);
    assert.equal((await kube.ok(['delete', 'pod', 'waiting', 'finished', '--timeout=10s'])).split('\n').length, 2);
    assert.deepEqual(await names('pods', '-l', 'app in (waiting,finished)'), []);
    await kube.ok(['delete', 'node', 'isle-1']);
  });

  it('refuses to delete the namespaces of the system', async () => {
    for (const name of ['default', 'kube-system']) {
      const message = `Error from server (Forbidden): namespaces "${name}" is forbidden: this namespace may not be deleted`;
      assert.equal(await kube.fails(['delete', 'namespace', name]), message);
    }
  });
});

describe('cascades', { timeout: 60_000 }, () => {
  it('background, the default: dependents follow', async () => {
    const { sets, pods } = await deploy('back');
    assert.equal(
      await kube.ok(['delete', 'deployment', 'back']),
      'deployment.apps "back" deleted from default namespace',
    );
    await kube.ok(['wait', '--for=delete', ...sets, ...pods, '--timeout=20s']);
  });

  it('foreground: dependents go first', async () => {
    const { sets, pods } = await deploy('fore');
    const seen = await hub.watch(
      '/apis/apps/v1/namespaces/default/deployments?watch=1&fieldSelector=metadata.name%3Dfore',
    );
    await kube.ok(['delete', 'deployment', 'fore', '--cascade=foreground']);
    // kubectl returns when the deployment is gone, and by then the others are.
    for (const name of [...sets, ...pods]) assert.match(await kube.fails(['get', name]), /NotFound/);
    const finalizers = seen.events.all
      .map(({ object }) => object.metadata)
      .filter((metadata) => 'deletionTimestamp' in metadata);
    assert.deepEqual((finalizers[0] as { finalizers?: string[] } | undefined)?.finalizers, ['foregroundDeletion']);
    seen.close();
  });

  it('orphan: dependents stay, without an owner', async () => {
    const { sets, pods } = await deploy('orph');
    await kube.ok(['delete', 'deployment', 'orph', '--cascade=orphan']);
    assert.deepEqual(await names('rs', '-l', 'app=orph'), sets);
    assert.deepEqual(await names('pods', '-l', 'app=orph'), pods);
    assert.equal(await kube.ok(['get', sets[0] ?? '', '-o', 'jsonpath={.metadata.ownerReferences}']), '');
    await kube.ok(['delete', ...sets, '--cascade=orphan']);
    assert.deepEqual(await names('pods', '-l', 'app=orph'), pods);
    const orphan = await kube.ok(['get', pods[0] ?? '', '-o', 'jsonpath={.metadata.ownerReferences}']);
    assert.equal(orphan, '');
  });

  it('orphanDependents in the query is the same, as clients of old say it', async () => {
    const { sets } = await deploy('old');
    await kube.ok(['delete', '--raw', '/apis/apps/v1/namespaces/default/deployments/old?orphanDependents=true']);
    await kube.ok(['wait', '--for=delete', 'deployment/old', '--timeout=20s']);
    assert.deepEqual(await names('rs', '-l', 'app=old'), sets);
    assert.equal(await kube.ok(['get', sets[0] ?? '', '-o', 'jsonpath={.metadata.ownerReferences}']), '');
    await kube.ok(['delete', ...sets]);
  });

  it('collects what names an owner that is not there, and keeps what has one that is', async () => {
    const owner = (name: string, uid: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid });
    await kube.apply([configMap('parent')]);
    const uid = await kube.ok(['get', 'cm', 'parent', '-o', 'jsonpath={.metadata.uid}']);
    await kube.apply([
      configMap('child', { ownerReferences: [owner('parent', uid)] }),
      configMap('both', {
        ownerReferences: [owner('parent', uid), owner('ghost', '00000000-0000-4000-8000-000000000000')],
      }),
      configMap('lost', { ownerReferences: [owner('ghost', '00000000-0000-4000-8000-000000000000')] }),
    ]);
    await kube.ok(['wait', '--for=delete', 'cm/lost', '--timeout=20s']);
    assert.deepEqual(await names('cm', 'child', 'both'), ['configmap/child', 'configmap/both']);
    await kube.ok(['delete', 'cm', 'parent']);
    await kube.ok(['wait', '--for=delete', 'cm/child', 'cm/both', '--timeout=20s']);
  });

  it('a ReplicaSet makes anew what is deleted and deletes what is too many', async () => {
    await kube.apply([
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { name: 'herd' },
        spec: { replicas: 2, selector: { matchLabels: { app: 'herd' } }, template: template('herd') },
      },
    ]);
    await kube.ok(['wait', 'rs/herd', '--for=jsonpath={.status.replicas}=2', '--timeout=20s']);
    const [first = ''] = await names('pods', '-l', 'app=herd');
    const watch = await hub.watch(`/api/v1/namespaces/default/pods?watch=1&labelSelector=app%3Dherd`);
    await kube.ok(['delete', first]);
    await watch.events.first(
      ({ type, object }) => type === 'ADDED' && `pod/${object.metadata.name}` !== first,
      'a new pod',
    );
    watch.close();
    await kube.ok(['wait', 'rs/herd', '--for=jsonpath={.status.replicas}=2', '--timeout=20s']);
    await kube.ok(['scale', 'rs/herd', '--replicas=0']);
    await kube.ok(['wait', 'rs/herd', '--for=jsonpath={.status.replicas}=0', '--timeout=20s']);
    assert.deepEqual(await names('pods', '-l', 'app=herd'), []);
  });
});

describe('the end of a namespace', { timeout: 60_000 }, () => {
  it('takes its contents, lets nothing new in, and waits for what is held', async () => {
    await kube.ok(['create', 'namespace', 'short']);
    const inside = ['-n', 'short'];
    await kube.apply(
      [deployment('web'), pod('solo'), configMap('free'), configMap('held', { finalizers: ['example.com/hold'] })],
      ...inside,
    );
    await kube.ok(['create', 'service', 'clusterip', 'svc', '--tcp=80', ...inside]);
    await kube.ok(['wait', 'deploy/web', '--for=jsonpath={.status.replicas}=2', '--timeout=20s', ...inside]);
    assert.equal(await kube.ok(['delete', 'namespace', 'short', '--wait=false']), 'namespace "short" deleted');
    assert.match(await kube.ok(['get', 'ns', 'short', '--no-headers']), /^short +Terminating /);
    assert.equal(
      await kube.fails(['create', 'configmap', 'late', ...inside]),
      'error: failed to create configmap: configmaps "late" is forbidden: unable to create new content in namespace short because it is being terminated',
    );
    await kube.ok(['wait', '--for=delete', 'deploy/web', 'pod/solo', 'cm/free', 'svc/svc', '--timeout=20s', ...inside]);
    assert.deepEqual(await names('cm', ...inside), ['configmap/held']);
    const gone = kube.ok(['wait', '--for=delete', 'ns/short', '--timeout=20s']);
    await kube.ok(['patch', 'cm', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}', ...inside]);
    await gone;
    assert.equal(
      await kube.fails(['get', 'ns', 'short']),
      'Error from server (NotFound): namespaces "short" not found',
    );
    const kinds = (await kube.ok(['api-resources', '--namespaced', '--verbs=list', '-o', 'name']))
      .split('\n')
      .join(',');
    assert.deepEqual(await names(kinds, ...inside), []);
  });

  it('can come again under the same name, with its service account', async () => {
    await kube.ok(['create', 'namespace', 'again']);
    await kube.ok(['create', 'configmap', 'old', '-n', 'again']);
    assert.equal(await kube.ok(['delete', 'namespace', 'again', '--timeout=20s']), 'namespace "again" deleted');
    await kube.ok(['create', 'namespace', 'again']);
    assert.equal((await names('cm', '-n', 'again')).includes('configmap/old'), false);
    await kube.ok(['wait', '--for=create', 'serviceaccount/default', '-n', 'again', '--timeout=20s']);
  });
});

describe('kubectl wait', { timeout: 60_000 }, () => {
  it('for a condition, a value, a creation, a deletion; and gives up', async () => {
    await kube.apply([pod('slow')]);
    const late = await kube.run(['wait', 'pod/slow', '--for=condition=Ready', '--timeout=100ms']);
    assert.equal(late.code, 1);
    assert.match(late.stderr, /timed out waiting for the condition on pods\/slow/);
    const waits = [
      kube.ok(['wait', 'pod/slow', '--for=condition=Ready', '--timeout=20s']),
      kube.ok(['wait', 'pod/slow', '--for=jsonpath={.status.podIP}=10.0.0.7', '--timeout=20s']),
      kube.ok(['wait', 'cm/soon', '--for=create', '--timeout=20s']),
    ];
    const agent = await hub.runPods('default', 'app=slow');
    await kube.ok(['create', 'configmap', 'soon']);
    assert.deepEqual(await Promise.all(waits), [
      'pod/slow condition met',
      'pod/slow condition met',
      'configmap/soon condition met',
    ]);
    agent.close();
    const nothing = await kube.fails(['wait', 'pod', '-l', 'app=none', '--for=condition=Ready', '--timeout=1s']);
    assert.equal(nothing, 'error: no matching resources found');
  });
});
