// What is known of CSI drivers: CSIDriver, CSINode, CSIStorageCapacity, and
// pods with volumes of a driver.
import assert from 'node:assert/strict';
import { conformance } from './support/conformance.ts';
import { hasLifecycle, labelled, nameOf } from './support/objects.ts';
import { checkOperations } from './support/operations.ts';

const apiVersion = 'storage.k8s.io/v1';

conformance(
  '[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver [Conformance]',
  async (cluster) => {
    const drivers = `/apis/${apiVersion}/csidrivers`;
    const driver = (name: string, volumeLifecycleModes: string[]): object => ({
      apiVersion,
      kind: 'CSIDriver',
      metadata: { name, labels: { set: 'drivers' } },
      spec: { volumeLifecycleModes, fsGroupPolicy: 'ReadWriteOnceWithFSType' },
    });
    const [first, second] = ['inline-driver-1', 'inline-driver-2'];
    const objects = [driver(first, ['Ephemeral']), driver(second, ['Persistent', 'Ephemeral'])];
    for (const object of objects) {
      const created = await cluster.create(drivers, object);
      assert.equal((await cluster.get(`${drivers}/${created.metadata.name}`)).metadata.uid, created.metadata.uid);
    }
    await cluster.refused(409, 'AlreadyExists', 'POST', drivers, { body: objects[0] });
    const patched = await cluster.patch(
      `${drivers}/${second}`,
      { metadata: { labels: { state: 'patched' } } },
      'strategic',
    );
    assert.equal(patched.metadata.labels?.state, 'patched');
    const updated = await cluster.change(`${drivers}/${second}`, ({ metadata }) => {
      metadata.labels = { ...metadata.labels, state: 'updated' };
    });
    assert.equal(updated.metadata.labels?.state, 'updated');
    const all = await cluster.list(`${drivers}?${labelled('set', 'drivers')}`);
    assert.deepEqual(all.items.map(nameOf), [first, second]);
    await cluster.delete(`${drivers}/${first}`);
    await cluster.refused(404, 'NotFound', 'GET', `${drivers}/${first}`);
    await cluster.delete(`${drivers}?${labelled('state', 'updated')}`);
    await cluster.refused(404, 'NotFound', 'GET', `${drivers}/${second}`);
  },
);

conformance(
  '[sig-storage] CSIInlineVolumes should support CSIVolumeSource in Pod API [Conformance]',
  async (cluster) => {
    const pods = cluster.path('pods');
    const volumes = [
      { name: 'vol1', csi: { driver: 'example.com' } },
      { name: 'vol2', csi: { driver: 'example.com', fsType: 'ext4', readOnly: true } },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/mnt/${name}` }));
    const containers = [{ name: 'c', image: 'busybox', command: ['sh', '-c', 'ls /mnt/*'], volumeMounts }];
    const object = { metadata: { name: 'inline-volumes' }, spec: { volumes, containers } };
    const created = await cluster.create(pods, object);
    await cluster.refused(409, 'AlreadyExists', 'POST', pods, { body: object });
    const read = await cluster.get(`${pods}/inline-volumes`);
    assert.equal(read.metadata.uid, created.metadata.uid);
    // Beside the volume of its token.
    const own = (read.spec as { volumes: { name: string }[] }).volumes.filter(({ name }) => name.startsWith('vol'));
    assert.deepEqual(own, volumes);
    assert.deepEqual((await cluster.list(pods)).items.map(nameOf), ['inline-volumes']);
    const patched = await cluster.patch(`${pods}/inline-volumes`, { metadata: { annotations: { patched: 'true' } } });
    assert.equal(patched.metadata.annotations?.patched, 'true');
    await cluster.delete(`${pods}/inline-volumes`);
    const { code, body, text } = await cluster.request('GET', `${pods}/inline-volumes`);
    assert.ok(code === 404 || body.metadata.deletionTimestamp !== undefined, text);
  },
);

conformance(
  '[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode [Conformance]',
  async (cluster) => {
    await hasLifecycle(cluster, {
      collection: `/apis/${apiVersion}/csinodes`,
      make: (name) => ({ apiVersion, kind: 'CSINode', metadata: { name }, spec: { drivers: null } }),
    });
  },
);

conformance(
  '[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations [Conformance]',
  async (cluster) => {
    await checkOperations(cluster, {
      apiVersion,
      kind: 'CSIStorageCapacity',
      resource: 'csistoragecapacities',
      namespaced: true,
      names: ['capacity-1', 'capacity-2', 'capacity-3'],
      fields: { storageClassName: 'class.example.com' },
    });
  },
);
