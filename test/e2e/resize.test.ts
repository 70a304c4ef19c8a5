// Pods resized in place, with the real kubectl and a real engine: the control
// group of a container that runs on has other values, on nodes that are there
// and on those that were away meanwhile.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Link, type TestAgent } from '../support/agent.ts';
import { type ContainerStatus, type Pod, TestCluster } from '../support/cluster.ts';
import { docker, executeIn } from '../support/engine.ts';
import { forever, podOf, shell, shellPod } from '../support/pods.ts';

type Resources = { requests: Record<string, string>; limits: Record<string, string> };
type Sized = ContainerStatus & { allocatedResources?: Record<string, string>; resources?: Resources };
type Condition = { type: string; status: string; reason?: string; message?: string };

const small: Resources = { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '200m', memory: '32Mi' } };
const large: Resources = { requests: { cpu: '100m', memory: '24Mi' }, limits: { cpu: '400m', memory: '64Mi' } };
const mebibyte = 1 << 20;

const guaranteed = (cpu: string, memory: string): Resources => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const burst = (requests: Resources['requests'], limits?: Resources['limits']): Partial<Resources> => ({
  requests,
  ...(limits === undefined ? {} : { limits }),
});

/** Conformance tests of Kubernetes that need a node: the containers' resources before and after. */
const conformanceCases: [title: string, before: Partial<Resources>[], after: Partial<Resources>[]][] = [
  [
    'guaranteed pods with multiple containers: 3 containers - increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase',
    [guaranteed('20m', '20Mi'), guaranteed('30m', '30Mi'), guaranteed('40m', '40Mi')],
    [guaranteed('40m', '40Mi'), guaranteed('50m', '50Mi'), guaranteed('30m', '30Mi')],
  ],
  [
    'guaranteed pods with multiple containers: 3 containers - increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease',
    [guaranteed('20m', '20Mi'), guaranteed('40m', '40Mi'), guaranteed('50m', '50Mi')],
    [guaranteed('30m', '30Mi'), guaranteed('20m', '20Mi'), guaranteed('30m', '30Mi')],
  ],
  [
    'guaranteed pods with multiple containers: 3 containers - increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)',
    [guaranteed('20m', '20Mi'), guaranteed('40m', '30Mi'), guaranteed('30m', '30Mi')],
    [guaranteed('30m', '20Mi'), guaranteed('20m', '40Mi'), guaranteed('50m', '50Mi')],
  ],
  [
    'burstable pods - extended: 6 containers - various operations performed (including adding limits and requests)',
    [
      burst({ cpu: '20m', memory: '20Mi' }, { cpu: '40m', memory: '40Mi' }),
      burst({ cpu: '20m', memory: '20Mi' }, { cpu: '40m', memory: '40Mi' }),
      burst({ cpu: '20m', memory: '20Mi' }),
      burst({ cpu: '20m' }),
      burst({ memory: '20Mi' }),
      {},
    ],
    [
      burst({ cpu: '30m', memory: '30Mi' }, { cpu: '50m', memory: '50Mi' }),
      burst({ cpu: '10m', memory: '10Mi' }, { cpu: '30m', memory: '30Mi' }),
      burst({ cpu: '20m', memory: '20Mi' }, { cpu: '40m', memory: '40Mi' }),
      burst({ cpu: '20m', memory: '20Mi' }),
      burst({ cpu: '20m', memory: '30Mi' }, { memory: '40Mi' }),
      burst({ cpu: '20m' }, { cpu: '40m' }),
    ],
  ],
  [
    'burstable pods - extended: resize with equivalents',
    [burst({ cpu: '2m', memory: '20Mi' }, { cpu: '10m', memory: '40Mi' })],
    [burst({ cpu: '1m', memory: '20Mi' }, { cpu: '5m', memory: '40Mi' })],
  ],
];

function millisOf(cpu = '0m'): number {
  return Number.parseInt(cpu, 10);
}

/** What the kernel holds a container to: of control groups of version 1 or 2. */
async function cgroupOf(id: string): Promise<{ memoryBytes: number; cpuLimit: number }> {
  const script = `if [ -f /sys/fs/cgroup/memory.max ]; then cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max
    else cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us; fi`;
  const [memoryBytes = 0, quota = 0, period = 1] = (await executeIn(id, ['sh', '-c', script]))
    .trim()
    .split(/\s+/)
    .map(Number);
  return { memoryBytes, cpuLimit: quota / period };
}

describe('resizing pods in place', { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let away: TestAgent;
  let link: Link;
  before(async () => {
    cluster = await TestCluster.start();
    link = await Link.create();
    await cluster.addAgent({ name: 'here' });
    away = await cluster.addAgent({ name: 'away', link });
  });
  after(async () => {
    const errors = cluster?.hub.errors();
    await cluster?.stop();
    assert.deepEqual(errors, []);
  });

  const on = (node: string, rest: object = {}): Record<string, unknown> => ({
    nodeSelector: { 'kubernetes.io/hostname': node },
    ...rest,
  });
  const statusOf = (pod: Pod, name = 'main'): Sized =>
    pod.status.containerStatuses?.find((status) => status.name === name) ?? assert.fail(`no status of ${name}`);
  const idOf = (pod: Pod, name = 'main'): string => statusOf(pod, name).containerID?.replace(/^\w+:\/\//, '') ?? '';
  const conditionOf = (pod: Pod, type: string): Condition | undefined =>
    pod.status.conditions?.find((condition) => condition.type === type);
  const resize = (name: string, resources: Partial<Resources>, container = 'main'): Promise<string> => {
    const patch = JSON.stringify({ spec: { containers: [{ name: container, resources }] } });
    return cluster.kubectl.ok(['patch', 'pod', name, '--subresource', 'resize', '--patch', patch]);
  };
  const sized = (name: string, { limits }: Resources, container = 'main'): Promise<Pod> =>
    cluster.podUntil(name, `has ${JSON.stringify(limits)}`, (pod) => {
      const { resources } = statusOf(pod, container);
      return JSON.stringify(resources?.limits) === JSON.stringify(limits);
    });

  it('gives a container other limits while it runs, up and down', async () => {
    await cluster.kubectl.apply([shellPod('sized', forever, { resources: small }, on('here'))]);
    const before = await cluster.podReady('sized');
    const id = idOf(before);
    assert.deepEqual(statusOf(before).allocatedResources, small.requests);
    assert.deepEqual(await cgroupOf(id), { memoryBytes: 32 * mebibyte, cpuLimit: 0.2 });
    await resize('sized', large);
    const grown = await sized('sized', large);
    assert.deepEqual([idOf(grown), statusOf(grown).restartCount], [id, 0]);
    assert.deepEqual(statusOf(grown).allocatedResources, large.requests);
    assert.deepEqual(await cgroupOf(id), { memoryBytes: 64 * mebibyte, cpuLimit: 0.4 });
    const { generation, observedGeneration } = {
      ...(grown.metadata as { generation?: number }),
      ...(grown.status as { observedGeneration?: number }),
    };
    assert.deepEqual([generation, observedGeneration], [2, 2]);
    await resize('sized', small);
    await sized('sized', small);
    assert.deepEqual(await cgroupOf(id), { memoryBytes: 32 * mebibyte, cpuLimit: 0.2 });
    assert.match(await cluster.kubectl.ok(['events', '--for', 'pod/sized']), /ResizeCompleted/);
  });

  it('starts a container anew where its policy says so, and leaves the others', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    const containers = [shell('main', forever, { resources: small, resizePolicy }), shell('beside', forever)];
    await cluster.kubectl.apply([podOf('policy', on('here', { containers }))]);
    const before = await cluster.podReady('policy');
    const cpu = { ...small, limits: { ...small.limits, cpu: '300m' } };
    await resize('policy', cpu);
    assert.equal(idOf(await sized('policy', cpu)), idOf(before), 'its processor needs no restart');
    await resize('policy', large);
    const after = await sized('policy', large);
    assert.notEqual(idOf(after), idOf(before));
    assert.equal(statusOf(after).restartCount, 1);
    assert.deepEqual(await cgroupOf(idOf(after)), { memoryBytes: 64 * mebibyte, cpuLimit: 0.4 });
    assert.deepEqual([idOf(after, 'beside'), statusOf(after, 'beside').restartCount], [idOf(before, 'beside'), 0]);
  });

  it('says that a node has not so much, and goes on with what there is', async () => {
    await cluster.kubectl.apply([shellPod('greedy', forever, { resources: small }, on('here'))]);
    const id = idOf(await cluster.podReady('greedy'));
    await resize('greedy', { requests: { cpu: '1000', memory: '16Mi' }, limits: { cpu: '1000', memory: '32Mi' } });
    const refused = await cluster.podUntil(
      'greedy',
      'is told that it can not be',
      (pod) => conditionOf(pod, 'PodResizePending')?.reason === 'Infeasible',
    );
    assert.match(conditionOf(refused, 'PodResizePending')?.message ?? '', /^Node didn't have enough capacity: cpu, /);
    assert.deepEqual(statusOf(refused).allocatedResources, small.requests);
    assert.deepEqual(await cgroupOf(id), { memoryBytes: 32 * mebibyte, cpuLimit: 0.2 });
    await resize('greedy', large);
    const after = await sized('greedy', large);
    assert.deepEqual([idOf(after), conditionOf(after, 'PodResizePending')], [id, undefined]);
  });

  it('waits until other pods leave room', async () => {
    const node = JSON.parse(await cluster.kubectl.ok(['get', 'node', 'here', '-o', 'json'])) as {
      status: { allocatable: { cpu: string } };
    };
    // More than half of the node each: only one of two can have it.
    const most = `${Number(node.status.allocatable.cpu) * 600}m`;
    const sizeOf = (cpu: string): Resources => ({
      requests: { cpu, memory: '16Mi' },
      limits: { cpu: '64', memory: '32Mi' },
    });
    await cluster.kubectl.apply([
      shellPod('first', forever, { resources: sizeOf(most) }, on('here')),
      shellPod('second', forever, { resources: sizeOf('50m') }, on('here')),
    ]);
    await cluster.podReady('first');
    const id = idOf(await cluster.podReady('second'));
    await resize('second', sizeOf(most));
    await cluster.podUntil(
      'second',
      'has to wait',
      (pod) => conditionOf(pod, 'PodResizePending')?.reason === 'Deferred',
    );
    await cluster.kubectl.ok(['delete', 'pod', 'first', '--wait=false']);
    const grown = await cluster.podUntil(
      'second',
      'has its turn',
      (pod) => statusOf(pod).allocatedResources?.cpu === most,
    );
    assert.deepEqual([idOf(grown), conditionOf(grown, 'PodResizePending')], [id, undefined]);
    await cluster.kubectl.ok(['delete', 'pod', 'second', '--wait=false']);
  });

  for (const [title, before, after] of conformanceCases)
    it(title, async () => {
      const name = `case-${conformanceCases.findIndex(([other]) => other === title)}`;
      const containers = before.map((resources, index) => shell(`c${index + 1}`, forever, { resources }));
      await cluster.kubectl.apply([podOf(name, on('here', { containers }))]);
      const first = await cluster.podReady(name);
      const patch = { spec: { containers: after.map((resources, index) => ({ name: `c${index + 1}`, resources })) } };
      const args = ['--subresource', 'resize', '--patch', JSON.stringify(patch)];
      const wanted = (JSON.parse(await cluster.kubectl.ok(['patch', 'pod', name, ...args, '-o', 'json'])) as Pod).spec
        .containers as unknown as { name: string; resources: Partial<Resources> }[];
      const last = await cluster.podUntil(name, 'has been resized', (pod) =>
        wanted.every(
          ({ name: own, resources }) =>
            isDeepStrictEqual(statusOf(pod, own).resources, resources) &&
            isDeepStrictEqual(statusOf(pod, own).allocatedResources, resources.requests),
        ),
      );
      assert.equal(conditionOf(last, 'PodResizeInProgress') ?? conditionOf(last, 'PodResizePending'), undefined);
      for (const { name: own, resources } of wanted) {
        assert.deepEqual([idOf(last, own), statusOf(last, own).restartCount], [idOf(first, own), 0], own);
        const { cpu, memory } = resources.limits ?? {};
        const { HostConfig } = await docker.getContainer(idOf(last, own)).inspect();
        assert.equal(HostConfig.CpuShares, Math.max(2, Math.floor((millisOf(resources.requests?.cpu) * 1024) / 1000)));
        const group = await cgroupOf(idOf(last, own));
        if (cpu !== undefined) assert.equal(group.cpuLimit, Math.max(10, millisOf(cpu)) / 1000, own);
        if (memory !== undefined) assert.equal(group.memoryBytes, Number.parseInt(memory, 10) * mebibyte, own);
      }
      await cluster.kubectl.ok(['delete', 'pod', name, '--wait=false']);
    });

  it('takes no memory that is in use, and says so until it can', async () => {
    // Holds 20 MB until somebody takes the file away.
    const hoard =
      'head -c 20000000 /dev/zero > /dev/shm/hoard; echo has; trap "exit 0" TERM; while :; do sleep 0.2; done';
    await cluster.kubectl.apply([shellPod('hoarder', hoard, { resources: small }, on('here'))]);
    const id = idOf(await cluster.podReady('hoarder'));
    await cluster.until('it has', async () =>
      /has/.test(await cluster.kubectl.ok(['logs', 'hoarder'])) ? true : undefined,
    );
    const tiny = { requests: { cpu: '50m', memory: '8Mi' }, limits: { cpu: '200m', memory: '12Mi' } };
    await resize('hoarder', tiny);
    const stuck = await cluster.podUntil(
      'hoarder',
      'can not be made smaller',
      (pod) => conditionOf(pod, 'PodResizeInProgress')?.reason === 'Error',
    );
    assert.match(conditionOf(stuck, 'PodResizeInProgress')?.message ?? '', /below current usage/);
    assert.equal((await cgroupOf(id)).memoryBytes, 32 * mebibyte);
    await executeIn(id, ['rm', '/dev/shm/hoard']);
    const after = await sized('hoarder', tiny);
    assert.deepEqual(
      [idOf(after), statusOf(after).restartCount, conditionOf(after, 'PodResizeInProgress')],
      [id, 0, undefined],
    );
    assert.equal((await cgroupOf(id)).memoryBytes, 12 * mebibyte);
  });

  it('waits for a node that is away, and starts nothing anew when it returns', async () => {
    await cluster.kubectl.apply([
      shellPod('distant', forever, { resources: small }, on('away')),
      shellPod('untouched', forever, { resources: small }, on('away')),
    ]);
    const [id, untouched] = [idOf(await cluster.podReady('distant')), idOf(await cluster.podReady('untouched'))];
    await link.cut();
    await cluster.nodeReady('away', 'Unknown');
    await resize('distant', large);
    assert.equal((await cgroupOf(id)).memoryBytes, 32 * mebibyte);
    await link.heal();
    const after = await sized('distant', large);
    assert.deepEqual([idOf(after), statusOf(after).restartCount], [id, 0]);
    assert.deepEqual(await cgroupOf(id), { memoryBytes: 64 * mebibyte, cpuLimit: 0.4 });
    // An agent that starts anew finds all as it should be.
    await away.stop();
    await away.start();
    await cluster.nodeReady('away', 'True');
    await cluster.until('the two agree', async () =>
      (await cluster.differences(away)).length === 0 ? true : undefined,
    );
    for (const [name, known] of [
      ['distant', id],
      ['untouched', untouched],
    ] as const) {
      const pod = await cluster.podReady(name);
      assert.deepEqual([idOf(pod), statusOf(pod).restartCount], [known, 0], name);
    }
    assert.deepEqual(await cgroupOf(id), { memoryBytes: 64 * mebibyte, cpuLimit: 0.4 });
  });
});
