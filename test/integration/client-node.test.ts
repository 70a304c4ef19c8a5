// @kubernetes/client-node against a real hub: create, read, list, patch,
// delete, watch and informers, as programs use them.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import {
  ApiException,
  AppsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Deployment,
  VersionApi,
  Watch,
} from '@kubernetes/client-node';
import { Arrivals } from '../support/arrivals.ts';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});
const config = new KubeConfig();
config.loadFromFile(hub.kubeconfig);
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const namespace = 'default';

type Seen = { type: string; name: string; value: string | undefined };

describe('@kubernetes/client-node', { timeout: 60_000 }, () => {
  it('creates, reads, lists, replaces and deletes', async () => {
    const made = await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: 'crud', labels: { t: 'crud' } }, data: { a: '1' } },
    });
    assert.equal(made.kind, 'ConfigMap');
    assert.ok(made.metadata?.creationTimestamp instanceof Date);
    const read = await core.readNamespacedConfigMap({ namespace, name: 'crud' });
    assert.deepEqual([read.data, read.metadata?.uid], [{ a: '1' }, made.metadata?.uid]);
    const listed = await core.listNamespacedConfigMap({ namespace, labelSelector: 't=crud' });
    assert.deepEqual(
      listed.items.map((item) => item.metadata?.name),
      ['crud'],
    );
    const replaced = await core.replaceNamespacedConfigMap({
      namespace,
      name: 'crud',
      body: { ...read, data: { b: '2' } },
    });
    assert.deepEqual(replaced.data, { b: '2' });
    await assert.rejects(
      core.replaceNamespacedConfigMap({ namespace, name: 'crud', body: { ...read, data: {} } }),
      (error: unknown) => error instanceof ApiException && error.code === 409,
    );
    const status = await core.deleteNamespacedConfigMap({ namespace, name: 'crud' });
    assert.equal(status.status, 'Success');
    await assert.rejects(core.readNamespacedConfigMap({ namespace, name: 'crud' }), (error: unknown) => {
      assert.ok(error instanceof ApiException);
      const { reason, message } = JSON.parse(error.body as string) as { reason: string; message: string };
      assert.deepEqual([error.code, reason, message], [404, 'NotFound', 'configmaps "crud" not found']);
      return true;
    });
  });

  it('patches in each form, and subresources', async () => {
    const body: V1Deployment = {
      metadata: { name: 'web' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'demo:1' }] } },
      },
    };
    await apps.createNamespacedDeployment({ namespace, body });
    const target = { namespace, name: 'web' };
    const json = await apps.patchNamespacedDeployment(
      { ...target, body: [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'demo:2' }] },
      setHeaderOptions('Content-Type', PatchStrategy.JsonPatch),
    );
    assert.equal(json.spec?.template.spec?.containers[0]?.image, 'demo:2');
    const merged = await apps.patchNamespacedDeployment(
      { ...target, body: { metadata: { labels: { m: 'y' } } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    assert.deepEqual(merged.metadata?.labels, { m: 'y' });
    const strategic = await apps.patchNamespacedDeployment(
      { ...target, body: { spec: { template: { spec: { containers: [{ name: 'side', image: 's' }] } } } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    );
    assert.equal(strategic.spec?.template.spec?.containers.length, 2);
    const scale = await apps.readNamespacedDeploymentScale(target);
    assert.equal(scale.spec?.replicas, 0);
    // Without resourceVersion: the controller may write at the same time.
    const scaled = await apps.replaceNamespacedDeploymentScale({
      ...target,
      body: { ...scale, metadata: target, spec: { replicas: 1 } },
    });
    assert.equal(scaled.spec?.replicas, 1);
    const { spec } = await apps.readNamespacedDeployment(target);
    assert.equal(spec?.replicas, 1);
    const status = await apps.readNamespacedDeploymentStatus(target);
    assert.equal(status.metadata?.name, 'web');
  });

  it('handles objects of any kind', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'any', namespace },
      spec: { holderIdentity: 'me' },
    };
    await objects.create(lease);
    const found = await objects.read<KubernetesObject & { spec: { holderIdentity: string } }>({
      ...lease,
      metadata: lease.metadata,
    });
    assert.equal(found.spec.holderIdentity, 'me');
    await objects.patch(
      { ...lease, spec: { holderIdentity: 'you' } } as KubernetesObject,
      undefined,
      undefined,
      undefined,
      undefined,
      PatchStrategy.MergePatch,
    );
    const { spec } = await config.makeApiClient(CoordinationV1Api).readNamespacedLease({ namespace, name: 'any' });
    assert.equal(spec?.holderIdentity, 'you');
    assert.equal((await config.makeApiClient(VersionApi).getCode()).minor, '36');
  });

  it('watches', async () => {
    const seen = new Arrivals<Seen>('watch');
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const query = { resourceVersion: metadata?.resourceVersion ?? '', labelSelector: 't=watch' };
    const stop = await new Watch(config).watch(
      path,
      query,
      (type: string, object: V1ConfigMap) =>
        seen.push({ type, name: object.metadata?.name ?? '', value: object.data?.n }),
      () => seen.end(),
    );
    await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: 'watched', labels: { t: 'watch' } }, data: { n: '1' } },
    });
    await core.patchNamespacedConfigMap(
      { namespace, name: 'watched', body: { data: { n: '2' } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    await core.deleteNamespacedConfigMap({ namespace, name: 'watched' });
    await seen.first(({ type }) => type === 'DELETED', 'the deletion');
    assert.deepEqual(seen.all, [
      { type: 'ADDED', name: 'watched', value: '1' },
      { type: 'MODIFIED', name: 'watched', value: '2' },
      { type: 'DELETED', name: 'watched', value: '2' },
    ]);
    stop.abort();
  });

  it('informs', async () => {
    const labelSelector = 't=inform';
    const map = (name: string): V1ConfigMap => ({ metadata: { name, labels: { t: 'inform' } }, data: { n: '1' } });
    await core.createNamespacedConfigMap({ namespace, body: map('there') });
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const informer = makeInformer(
      config,
      path,
      () => core.listNamespacedConfigMap({ namespace, labelSelector }),
      labelSelector,
    );
    const seen = new Arrivals<Seen>('informer');
    for (const type of ['add', 'update', 'delete'] as const) {
      informer.on(type, (object: V1ConfigMap) =>
        seen.push({ type, name: object.metadata?.name ?? '', value: object.data?.n }),
      );
    }
    await informer.start();
    await seen.first(({ type, name }) => type === 'add' && name === 'there', 'the object that was there');
    await core.createNamespacedConfigMap({ namespace, body: map('new') });
    await seen.first(({ type, name }) => type === 'add' && name === 'new', 'the new one');
    await core.patchNamespacedConfigMap(
      { namespace, name: 'new', body: { data: { n: '2' } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    );
    await seen.first(({ type, value }) => type === 'update' && value === '2', 'the change');
    assert.equal(informer.get('new', namespace)?.data?.n, '2');
    assert.deepEqual(
      informer
        .list(namespace)
        .map((object) => object.metadata?.name)
        .sort(),
      ['new', 'there'],
    );
    await core.deleteNamespacedConfigMap({ namespace, name: 'there' });
    await seen.first(({ type, name }) => type === 'delete' && name === 'there', 'the deletion');
    assert.equal(informer.get('there', namespace), undefined);
    await informer.stop();
  });
});
