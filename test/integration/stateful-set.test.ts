// StatefulSets with a real hub: numbers that start elsewhere, updates of
// several pods at a time, claims that go with their pod or set, and what is
// refused. The pods are run by a pretended agent.
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { StatefulSet } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { Api } from '../contract/kubernetes/support/api.ts';
import { nameOf, untilAll } from '../contract/kubernetes/support/objects.ts';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const api = new Api(hub);
after(async () => {
  api.close();
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const sets = api.pathIn('default', 'statefulsets', 'apps/v1');
const claims = api.pathIn('default', 'persistentvolumeclaims');

function manifest(name: string, spec: object): object {
  const labels = { app: name };
  const containers = [{ name: 'main', image: 'demo:1' }];
  const request = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  return {
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      serviceName: name,
      template: { metadata: { labels }, spec: { containers } },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: request }],
      ...spec,
    },
  };
}

const selected = (resource: string, name: string): string =>
  `${api.pathIn('default', resource)}?labelSelector=app%3D${name}`;
const untilNames = (resource: string, name: string, names: string[]): Promise<KubeObject[]> =>
  untilAll(
    api,
    selected(resource, name),
    `are ${names.join(', ')}`,
    (items) => items.map(nameOf).sort().join() === names.join(),
  );
const untilReady = (name: string, ready: number): Promise<StatefulSet> =>
  api.until<StatefulSet>(
    `${sets}/${name}`,
    `has ${ready} ready`,
    ({ status, metadata }) =>
      (status?.readyReplicas ?? 0) === ready &&
      status?.replicas === ready &&
      status.observedGeneration === metadata.generation,
  );

describe('a stateful set', { timeout: 120_000 }, () => {
  it('takes the claims of pods along when it shrinks, and the rest when it goes', async () => {
    const agent = await hub.runPods('default', 'app=going');
    const policy = { whenDeleted: 'Delete', whenScaled: 'Delete' };
    await api.create(sets, manifest('going', { replicas: 2, persistentVolumeClaimRetentionPolicy: policy }));
    await untilReady('going', 2);
    const [first] = await untilNames('persistentvolumeclaims', 'going', ['data-going-0', 'data-going-1']);
    assert.deepEqual(
      first?.metadata.ownerReferences?.map(({ kind, name }) => [kind, name]),
      [['StatefulSet', 'going']],
    );
    await api.patch(`${sets}/going`, { spec: { replicas: 1 } });
    await untilNames('persistentvolumeclaims', 'going', ['data-going-0']);
    await api.patch(`${sets}/going`, { spec: { replicas: 2 } });
    await untilReady('going', 2);
    await untilNames('persistentvolumeclaims', 'going', ['data-going-0', 'data-going-1']);
    await api.delete(`${sets}/going`);
    await untilNames('persistentvolumeclaims', 'going', []);
    agent.close();
  });

  it('leaves claims when nothing else is said', async () => {
    const agent = await hub.runPods('default', 'app=staying');
    const made = await api.create<StatefulSet>(sets, manifest('staying', { replicas: 1 }));
    assert.deepEqual(made.spec?.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' });
    assert.deepEqual(made.spec?.updateStrategy, {
      type: 'RollingUpdate',
      rollingUpdate: { partition: 0, maxUnavailable: 1 },
    });
    await untilReady('staying', 1);
    await api.delete(`${sets}/staying`);
    await untilNames('pods', 'staying', []);
    assert.equal((await api.get(`${claims}/data-staying-0`)).metadata.ownerReferences, undefined);
    agent.close();
  });

  it('numbers its pods from where it is told, and updates several at a time', async () => {
    const agent = await hub.runPods('default', 'app=numbered');
    await api.create(
      sets,
      manifest('numbered', {
        replicas: 3,
        ordinals: { start: 4 },
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '60%' } },
        volumeClaimTemplates: [],
      }),
    );
    await untilReady('numbered', 3);
    await untilNames('pods', 'numbered', ['numbered-4', 'numbered-5', 'numbered-6']);
    const watch = await api.watch(`${selected('pods', 'numbered')}`);
    await api.patch(`${sets}/numbered`, { spec: { template: { metadata: { annotations: { version: '2' } } } } });
    const deleted: string[] = [];
    for (let count = 1; count <= 3; count += 1)
      deleted.push(nameOf((await watch.first(({ type }) => type === 'DELETED', `${count} pods are replaced`)).object));
    assert.deepEqual(deleted.slice(0, 2).sort(), ['numbered-5', 'numbered-6']);
    assert.equal(deleted[2], 'numbered-4');
    await api.until<StatefulSet>(`${sets}/numbered`, 'is updated', ({ status }) => status?.updatedReplicas === 3);
    agent.close();
  });

  it('is refused in Kubernetes’ words', async () => {
    const refusal = async (spec: object): Promise<string> =>
      (await api.refused(422, 'Invalid', 'POST', sets, { body: manifest('wrong', spec) })).message;
    const start = 'StatefulSet.apps "wrong" is invalid: ';
    const cases: [spec: object, message: string][] = [
      [
        { podManagementPolicy: 'Any' },
        `spec.podManagementPolicy: Invalid value: "Any": must be 'OrderedReady' or 'Parallel'`,
      ],
      [
        { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } } },
        'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0',
      ],
      [
        { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '101%' } } },
        'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
      ],
      [
        { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 0 } } },
        `spec.updateStrategy.rollingUpdate: Invalid value: {"partition":0}: only allowed for updateStrategy 'RollingUpdate'`,
      ],
      [
        { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Keep' } },
        'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Keep": supported values: "Retain", "Delete"',
      ],
      [{ ordinals: { start: -1 } }, 'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0'],
    ];
    for (const [spec, message] of cases) assert.equal(await refusal(spec), start + message);
    await api.create(sets, manifest('wrong', { replicas: 0 }));
    const change = { spec: { volumeClaimTemplates: [] } };
    const { message } = await api.refused(422, 'Invalid', 'PATCH', `${sets}/wrong`, {
      body: change,
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.equal(
      message,
      `${start}spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden`,
    );
  });
});
