// pods/resize at the API: what it changes and what it refuses. What a node makes
// of it is for test/e2e.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../../../api/meta/object.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { patchTypes } from './support/api.ts';
import { Cluster, conformance } from './support/conformance.ts';

type Resources = { requests?: Record<string, string>; limits?: Record<string, string> };
type Container = { name: string; image: string; resources?: Resources; restartPolicy?: string };
type Pod = KubeObject & {
  spec: { containers: Container[]; initContainers?: Container[]; activeDeadlineSeconds?: number };
  status: { qosClass?: string };
};

const burstable: Resources = {
  requests: { cpu: '100m', memory: '64Mi' },
  limits: { cpu: '200m', memory: '128Mi' },
};
const container = (name: string, resources: Resources, rest: object = {}): object => ({
  name,
  image: 'busybox',
  resources,
  ...rest,
});

conformance(
  '[sig-node] Pod InPlace Resize Container resize pod via the replace endpoint [MinimumKubeletVersion:1.34] [Conformance]',
  async (cluster) => {
    const path = cluster.path('pods/replaced');
    await cluster.create(cluster.path('pods'), {
      metadata: { name: 'replaced' },
      spec: { containers: [container('c1', burstable)] },
    });
    const resources: Resources = {
      requests: { cpu: '150m', memory: '70Mi' },
      limits: { cpu: '300m', memory: '140Mi' },
    };
    // The scheduler writes the pod, too.
    const replaced = await cluster.change<Pod>(`${path}/resize`, (pod) => {
      for (const item of pod.spec.containers) item.resources = resources;
    });
    assert.deepEqual(replaced.spec.containers[0]?.resources, resources);
    assert.deepEqual((await cluster.get<Pod>(`${path}/resize`)).spec, replaced.spec);
  },
);

describe('pods/resize', { timeout: 120_000 }, () => {
  let hub: TestHub;
  let cluster: Cluster;
  before(async () => {
    hub = await startHub();
    cluster = new Cluster(hub, 'resize');
    await cluster.addNamespace('resize');
  });
  after(async () => {
    cluster?.close();
    await hub?.stop();
  });

  const make = async (name: string, spec: object, namespace = cluster.namespace): Promise<string> => {
    const path = cluster.pathIn(namespace, 'pods');
    await cluster.create(path, { metadata: { name, labels: { app: name } }, spec });
    return `${path}/${name}`;
  };
  const patchOf = (resources: object, name = 'c1', field = 'containers'): object => ({
    spec: { [field]: [{ name, resources }] },
  });
  const resize = (path: string, body: object): Promise<Pod> => cluster.patch<Pod>(`${path}/resize`, body, 'strategic');
  const refusal = async (path: string, body: object, code = 422, reason = 'Invalid'): Promise<string> => {
    const headers = { 'content-type': patchTypes.strategic };
    return (await cluster.refused(code, reason, 'PATCH', `${path}/resize`, { body, headers })).message;
  };

  it('changes resources, makes a generation, and says who did it', async () => {
    const path = await make('patched', { containers: [container('c1', burstable), container('c2', burstable)] });
    const pod = await resize(`${path}`, patchOf({ requests: { cpu: '120m' } }, 'c2'));
    assert.deepEqual(
      pod.spec.containers.map(({ resources }) => resources?.requests?.cpu),
      ['100m', '120m'],
    );
    assert.equal(pod.metadata.generation, 2);
    const booked = (pod.metadata.managedFields ?? []) as { subresource?: string; fieldsV1: object }[];
    const own = booked.find(({ subresource }) => subresource === 'resize');
    assert.match(JSON.stringify(own?.fieldsV1), /"f:requests":\{"f:cpu":\{\}\}/);
    const again = await resize(`${path}`, patchOf({ requests: { cpu: '120m' } }, 'c2'));
    assert.equal(again.metadata.generation, 2, 'nothing changed');
  });

  it('takes server-side apply', async () => {
    const path = await make('applied', { containers: [container('c1', burstable)] });
    const body = { apiVersion: 'v1', kind: 'Pod', ...patchOf({ limits: { cpu: '400m' } }) };
    const pod = await cluster.patch<Pod>(`${path}/resize?fieldManager=tuner&force=true`, body, 'apply');
    assert.equal(pod.spec.containers[0]?.resources?.limits?.cpu, '400m');
    assert.equal(pod.spec.containers[0]?.image, 'busybox');
  });

  it('drops all else that a body says', async () => {
    const path = await make('dropped', { containers: [container('c1', burstable)] });
    const resources = { ...burstable, requests: { cpu: '110m', memory: '64Mi' } };
    const replaced = await cluster.change<Pod>(`${path}/resize`, (pod) => {
      for (const item of pod.spec.containers) Object.assign(item, { image: 'other', resources });
      pod.spec.activeDeadlineSeconds = 5;
      pod.metadata.labels = { app: 'other' };
    });
    const [container1] = replaced.spec.containers;
    assert.deepEqual([container1?.image, container1?.resources?.requests?.cpu], ['busybox', '110m']);
    assert.equal(replaced.spec.activeDeadlineSeconds, undefined);
    assert.deepEqual(replaced.metadata.labels, { app: 'dropped' });
  });

  it('resizes sidecars, and no other init containers', async () => {
    const initContainers = [container('side', burstable, { restartPolicy: 'Always' }), container('before', burstable)];
    const path = await make('initial', { initContainers, containers: [container('c1', burstable)] });
    const pod = await resize(path, patchOf({ requests: { cpu: '130m' } }, 'side', 'initContainers'));
    assert.equal(pod.spec.initContainers?.[0]?.resources?.requests?.cpu, '130m');
    assert.match(
      await refusal(path, patchOf({ requests: { cpu: '130m' } }, 'before', 'initContainers')),
      /spec\.initContainers\[1\]\.resources: Forbidden: resources for non-sidecar init containers are immutable/,
    );
  });

  it('adds limits and requests, and a new limit is the request too', async () => {
    const path = await make('added', { containers: [container('c1', { requests: { cpu: '100m' } })] });
    const pod = await resize(path, patchOf({ limits: { memory: '64Mi' } }));
    assert.deepEqual(pod.spec.containers[0]?.resources, {
      requests: { cpu: '100m', memory: '64Mi' },
      limits: { memory: '64Mi' },
    });
  });

  it('refuses what would make the pod another one', async () => {
    const path = await make('refused', { containers: [container('c1', burstable), container('c2', burstable)] });
    const unlimited = await make('unlimited', { containers: [container('c1', { requests: { cpu: '1' } })] });
    const cases: [object, RegExp][] = [
      [
        patchOf({ requests: { cpu: '1' } }),
        /spec\.containers\[0\]\.resources\.requests: Invalid value: "1": must be less than or equal to cpu limit of 200m/,
      ],
      [
        patchOf({ limits: { memory: null } }),
        /spec\.containers\[0\]\.resources\.limits: Forbidden: resource limits cannot be removed/,
      ],
      [patchOf({ limits: { 'example.com/gpu': '1' } }), /spec: Forbidden: only cpu and memory resources are mutable/],
      [
        {
          spec: { containers: [{ name: 'c1', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] }] },
        },
        /spec: Forbidden: only cpu and memory resources are mutable/,
      ],
      [
        { spec: { containers: [{ name: 'c3', image: 'busybox' }] } },
        /spec\.containers: Forbidden: containers may not be added or removed on resize/,
      ],
      [
        { spec: { containers: [{ $patch: 'delete', name: 'c1' }] } },
        /spec\.containers: Forbidden: containers may not be added or removed on resize/,
      ],
    ];
    for (const [body, message] of cases) assert.match(await refusal(path, body), message);
    assert.match(
      await refusal(unlimited, patchOf({ requests: { cpu: null, memory: '64Mi' } })),
      /spec\.containers\[0\]\.resources\.requests: Forbidden: resource requests cannot be removed/,
    );
    const pod = await cluster.get<Pod>(path);
    const reordered = { ...pod, spec: { ...pod.spec, containers: [...pod.spec.containers].reverse() } };
    const { message } = await cluster.refused(422, 'Invalid', 'PUT', `${path}/resize`, { body: reordered });
    for (const index of [0, 1])
      assert.ok(
        message.includes(
          `spec.containers[${index}].name: Forbidden: containers may not be renamed or reordered on resize`,
        ),
        message,
      );
    assert.equal((await cluster.get(path)).metadata.generation, 1);
  });

  it('keeps the quality of service', async () => {
    const equal = { cpu: '100m', memory: '64Mi' };
    const guaranteed = await make('guaranteed', { containers: [container('c1', { requests: equal, limits: equal })] });
    const changed = /spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing/;
    assert.match(await refusal(guaranteed, patchOf({ requests: { cpu: '50m' } })), changed);
    const more = { cpu: '200m', memory: '65536Ki' };
    const pod = await resize(guaranteed, patchOf({ requests: more, limits: { ...more, memory: '64Mi' } }));
    assert.equal(pod.status.qosClass, 'Guaranteed');
    const bestEffort = await make('best-effort', { containers: [container('c1', {})] });
    assert.match(await refusal(bestEffort, patchOf({ requests: { cpu: '50m' } })), /"BestEffort": Pod QOS Class/);
  });

  it('holds to quotas and LimitRanges', async () => {
    await cluster.addNamespace('resize-limited');
    const limited = (resource: string): string => cluster.pathIn('resize-limited', resource);
    await cluster.create(limited('resourcequotas'), {
      metadata: { name: 'few' },
      spec: { hard: { 'requests.cpu': '300m' } },
    });
    await cluster.create(limited('limitranges'), {
      metadata: { name: 'small' },
      spec: { limits: [{ type: 'Container', max: { memory: '256Mi' } }] },
    });
    const path = await make('limited', { containers: [container('c1', burstable)] }, 'resize-limited');
    await make('beside', { containers: [container('c1', burstable)] }, 'resize-limited');
    await resize(path, patchOf({ requests: { cpu: '200m' } }));
    assert.match(
      await refusal(path, patchOf({ requests: { cpu: '250m' }, limits: { cpu: '1' } }), 403, 'Forbidden'),
      /exceeded quota: few, requested: requests.cpu=50m, used: requests.cpu=300m, limited: requests.cpu=300m/,
    );
    await resize(path, patchOf({ requests: { cpu: '100m' } }));
    assert.match(
      await refusal(path, patchOf({ limits: { memory: '1Gi' } }), 403, 'Forbidden'),
      /maximum memory usage per Container is 256Mi, but limit is 1Gi/,
    );
  });

  it('refuses pods of nodes that can not do it, which show no resources', async () => {
    const path = await make('old-node', { containers: [container('c1', burstable)] });
    const running = { name: 'c1', image: 'busybox', imageID: '', ready: true, restartCount: 0, state: { running: {} } };
    await cluster.patch(`${path}/status`, { status: { containerStatuses: [running] } });
    const body = patchOf({ requests: { cpu: '120m' } });
    assert.match(await refusal(path, body), /spec: Forbidden: Pod running on node without support for resize/);
    await cluster.patch(`${path}/status`, { status: { containerStatuses: [{ ...running, resources: {} }] } });
    await resize(path, body);
  });

  it('refuses bodies that are no pods, whatever is in them', async () => {
    const path = await make('malformed', { containers: [container('c1', burstable)] });
    for (const spec of [
      undefined,
      {},
      { containers: [] },
      { containers: [{}] },
      { containers: [{ name: 'c1' }, {}] },
    ]) {
      const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'malformed' }, spec };
      await cluster.refused(422, 'Invalid', 'PUT', `${path}/resize`, { body });
    }
    for (const spec of [7, { containers: 7 }, { containers: [7] }, { containers: [{ name: 'c1', resources: 7 }] }]) {
      const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'malformed' }, spec };
      await cluster.refused(400, 'BadRequest', 'PUT', `${path}/resize`, { body });
    }
    assert.equal((await cluster.get(path)).metadata.generation, 1);
  });

  it('is the only way to other resources', async () => {
    const path = await make('fixed', { containers: [container('c1', burstable)] });
    const headers = { 'content-type': patchTypes.strategic };
    const body = patchOf({ requests: { cpu: '120m' } });
    const { message } = await cluster.refused(422, 'Invalid', 'PATCH', path, { body, headers });
    assert.match(message, /spec: Forbidden: pod updates may not change fields other than/);
  });

  it('resize policies are checked in new pods', async () => {
    const policies: [object[], string, RegExp][] = [
      [[{ resourceName: 'disk', restartPolicy: 'NotRequired' }], 'Always', /resizePolicy: Unsupported value: "disk"/],
      [[{ resourceName: 'cpu', restartPolicy: 'Maybe' }], 'Always', /resizePolicy: Unsupported value: "Maybe"/],
      [
        [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
        'Never',
        /must be 'NotRequired' when `restartPolicy` is 'Never'/,
      ],
      [
        [
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        ],
        'Always',
        /spec\.containers\[0\]\.resizePolicy: Duplicate value: "cpu"/,
      ],
    ];
    for (const [resizePolicy, restartPolicy, expected] of policies) {
      const containers = [container('c1', burstable, { resizePolicy })];
      const body = { metadata: { name: 'policy' }, spec: { restartPolicy, containers } };
      const { message } = await cluster.refused(422, 'Invalid', 'POST', cluster.path('pods'), { body });
      assert.match(message, expected);
    }
  });
});
