// PersistentVolumes with their claims, classes and attachments, as objects.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import { hasLifecycle, isNewer, labelled, nameOf } from './support/objects.ts';

type Condition = { type: string; status: string; reason: string; message: string; [time: string]: unknown };
type Claim = KubeObject & { status: { phase: string; conditions?: Condition[] } };
type Volume = KubeObject & { status: { phase: string; message?: string; reason?: string } };
type Attachment = KubeObject & { status: { attached: boolean } };

const apiVersion = 'storage.k8s.io/v1';
const volumes = '/api/v1/persistentvolumes';

/** A volume and a claim that may be bound to each other; their class has no provisioner. */
async function createPair(cluster: Cluster, name: string): Promise<void> {
  const shared = { accessModes: ['ReadWriteOnce'], storageClassName: cluster.namespace };
  await cluster.create(volumes, {
    metadata: { name: `${cluster.namespace}-${name}`, labels: { pair: cluster.namespace } },
    spec: {
      ...shared,
      capacity: { storage: '2Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: 'driver.example.com', volumeHandle: `${cluster.namespace}-${name}` },
    },
  });
  await cluster.create(cluster.path('persistentvolumeclaims'), {
    metadata: { name },
    spec: { ...shared, resources: { requests: { storage: '2Gi' } } },
  });
}

conformance(
  '[sig-storage] PersistentVolumes CSI Conformance should apply changes to a pv/pvc status [Conformance]',
  async (cluster) => {
    await createPair(cluster, 'changed');
    const volume = `${volumes}/${cluster.namespace}-changed`;
    const claim = cluster.path('persistentvolumeclaims/changed');
    const pair = await cluster.list(`${volumes}?${labelled('pair', cluster.namespace)}`);
    assert.deepEqual(pair.items.map(nameOf), [`${cluster.namespace}-changed`]);
    assert.deepEqual((await cluster.list(cluster.path('persistentvolumeclaims'))).items.map(nameOf), ['changed']);
    const { status: claimStatus } = await cluster.get<Claim>(`${claim}/status`);
    assert.ok(['Pending', 'Bound'].includes(claimStatus.phase), claimStatus.phase);
    const { status: volumeStatus } = await cluster.get<Volume>(`${volume}/status`);
    assert.ok(['Pending', 'Available', 'Bound'].includes(volumeStatus.phase), volumeStatus.phase);

    const patchedBy = { type: 'StatusPatched', status: 'True', reason: 'Patched', message: 'set by a test' };
    const patchedClaim = await cluster.patch<Claim>(`${claim}/status`, { status: { conditions: [patchedBy] } });
    assert.partialDeepStrictEqual(patchedClaim.status.conditions, [patchedBy]);
    const patchedVolume = await cluster.patch<Volume>(`${volume}/status`, {
      status: { message: 'StatusPatched', reason: 'Patched' },
    });
    assert.partialDeepStrictEqual(patchedVolume.status, { message: 'StatusPatched', reason: 'Patched' });

    const updatedBy = { ...patchedBy, type: 'StatusUpdated', reason: 'Updated' };
    const updatedClaim = await cluster.change<Claim>(`${claim}/status`, ({ status }) => {
      // A typed client that sets no times sends null.
      const times = { lastProbeTime: null, lastTransitionTime: null };
      status.conditions = [...(status.conditions ?? []), { ...updatedBy, ...times }];
    });
    assert.partialDeepStrictEqual(updatedClaim.status.conditions, [patchedBy, updatedBy]);
    const updatedVolume = await cluster.change<Volume>(`${volume}/status`, ({ status }) => {
      status.reason = 'Updated';
      status.message = 'StatusUpdated';
    });
    assert.partialDeepStrictEqual(updatedVolume.status, { message: 'StatusUpdated', reason: 'Updated' });
    await cluster.delete(claim);
    await cluster.gone(claim);
    await cluster.delete(volume);
    await cluster.gone(volume);
  },
);

conformance(
  '[sig-storage] PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC [Conformance]',
  async (cluster) => {
    const claims = cluster.path('persistentvolumeclaims');
    const ofPair = `${volumes}?${labelled('pair', cluster.namespace)}`;
    await createPair(cluster, 'first');
    const [volume] = (await cluster.list(ofPair)).items;
    const [claim] = (await cluster.list(claims)).items;
    assert.ok(volume && claim);
    for (const [path, before] of [
      [`${volumes}/${cluster.namespace}-first`, volume],
      [`${claims}/first`, claim],
    ] as const) {
      const patched = await cluster.patch(path, { metadata: { labels: { state: 'patched' } } }, 'strategic');
      assert.equal(patched.metadata.labels?.state, 'patched');
      assert.ok(isNewer(patched, before));
      assert.equal((await cluster.get(path)).metadata.uid, before.metadata.uid);
    }
    await cluster.delete(`${claims}/first`);
    await cluster.gone(`${claims}/first`);
    assert.deepEqual((await cluster.list(claims)).items, []);
    await cluster.delete(`${volumes}/${cluster.namespace}-first`);
    await cluster.gone(`${volumes}/${cluster.namespace}-first`);
    assert.deepEqual((await cluster.list(ofPair)).items, []);

    await createPair(cluster, 'second');
    for (const path of [`${volumes}/${cluster.namespace}-second`, `${claims}/second`]) {
      const updated = await cluster.change(path, ({ metadata }) => {
        metadata.labels = { ...metadata.labels, state: 'updated' };
      });
      assert.equal(updated.metadata.labels?.state, 'updated');
    }
    const wasUpdated = labelled('state', 'updated');
    const everywhere = await cluster.list(`/api/v1/persistentvolumeclaims?${wasUpdated}`);
    assert.deepEqual(everywhere.items.map(nameOf), ['second']);
    await cluster.delete(`${claims}?${wasUpdated}`);
    await cluster.gone(`${claims}/second`);
    assert.deepEqual((await cluster.list(`${claims}?${wasUpdated}`)).items, []);
    await cluster.delete(`${volumes}?${wasUpdated}`);
    await cluster.gone(`${volumes}/${cluster.namespace}-second`);
    assert.deepEqual((await cluster.list(`${volumes}?${wasUpdated}`)).items, []);
  },
);

conformance(
  '[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass [Conformance]',
  async (cluster) => {
    await hasLifecycle(cluster, {
      collection: `/apis/${apiVersion}/storageclasses`,
      make: (name) => ({ apiVersion, kind: 'StorageClass', metadata: { name }, provisioner: 'fake-provisioner' }),
    });
  },
);

function attachment(name: string): object {
  return {
    apiVersion,
    kind: 'VolumeAttachment',
    metadata: { name },
    spec: { attacher: 'test.storage.k8s.io', nodeName: 'some-node', source: { persistentVolumeName: `pv-${name}` } },
    status: { attached: false },
  };
}

conformance(
  '[sig-storage] VolumeAttachment Conformance should apply changes to a volumeattachment status [Conformance]',
  async (cluster) => {
    const attachments = `/apis/${apiVersion}/volumeattachments`;
    const path = `${attachments}/attached`;
    await cluster.create(attachments, attachment('attached'));
    const patched = await cluster.patch(path, { metadata: { labels: { state: 'patched' } } });
    assert.equal(patched.metadata.labels?.state, 'patched');
    assert.equal((await cluster.get<Attachment>(`${path}/status`)).status.attached, false);
    const attached = await cluster.patch<Attachment>(`${path}/status`, { status: { attached: true } });
    assert.equal(attached.status.attached, true);
    assert.equal((await cluster.get<Attachment>(path)).status.attached, true);
    const detached = await cluster.change<Attachment>(`${path}/status`, ({ status }) => {
      status.attached = false;
    });
    assert.equal(detached.status.attached, false);
    await cluster.delete(path);
    await cluster.gone(path);
    assert.deepEqual((await cluster.list(`${attachments}?${labelled('state', 'patched')}`)).items, []);
  },
);

conformance(
  '[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment [Conformance]',
  async (cluster) => {
    await hasLifecycle(cluster, { collection: `/apis/${apiVersion}/volumeattachments`, make: attachment });
  },
);

conformance(
  '[sig-storage] VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass [Conformance]',
  async (cluster) => {
    await hasLifecycle(cluster, {
      collection: `/apis/${apiVersion}/volumeattributesclasses`,
      make: (name) => ({
        apiVersion,
        kind: 'VolumeAttributesClass',
        metadata: { name },
        driverName: 'fake-csi-driver',
        parameters: { foo: 'bar' },
      }),
    });
  },
);
