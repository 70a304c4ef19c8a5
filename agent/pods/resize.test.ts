// Resizing a pod that runs: what is done to its containers, when it has to wait,
// and what is never done: a restart of what is as it should be.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, Container, ContainerStatus, Pod } from '../../api/meta/kubernetes.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { containerHash } from './container-hash.ts';
import { madeWith, type Resources, resizeOf, shownResources, wantedResources } from './container-resources.ts';
import { planPod, type Step } from './plan.ts';
import { planResize, type Room } from './resize.ts';
import { podStatus } from './status.ts';

const nowMs = 1_700_000_000_000;
const gi = 2 ** 30;

const small: Resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '128Mi' } };
const large: Resources = { requests: { cpu: '200m', memory: '96Mi' }, limits: { cpu: '400m', memory: '256Mi' } };
const moreCpu: Resources = { ...small, limits: { ...small.limits, cpu: '300m' } };
const moreRequest: Resources = { ...small, requests: { cpu: '100m', memory: '100Mi' } };
const inOtherWords: Resources = {
  requests: { cpu: '0.1', memory: '65536Ki' },
  limits: { cpu: '.2', memory: '131072Ki' },
};
const onCpu = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
const onMemory = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];

function box(resources: Resources | undefined, more: object = {}): Container {
  return { name: 'app', image: 'i:1', resources, ...more } as Container;
}

function pod(container: Container, spec: object = {}): Pod {
  return {
    metadata: { name: 'p', namespace: 'default', uid: 'u', generation: 2 },
    spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 20, containers: [container], ...spec },
  } as Pod;
}

/** A container as an agent made it for these resources. */
function item(made: Container, more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  return {
    id: 'c0',
    engine: 'docker',
    state: 'running',
    podUid: 'u',
    podNamespace: 'default',
    podName: 'p',
    role: 'container',
    containerName: made.name,
    attempt: 0,
    crashStreak: 0,
    specHash: containerHash(made),
    sandboxId: 's0',
    madeWith: madeWith(made),
    image: 'i:1',
    imageId: 'sha256:1',
    createdAtMs: nowMs,
    startedAtMs: nowMs,
    resources: wantedResources(made),
    ...more,
  };
}

const sandbox: RuntimeContainer = (() => {
  const { madeWith: _madeWith, resources: _resources, ...rest } = item(box(undefined));
  return { ...rest, id: 's0', role: 'sandbox', containerName: '', sandboxId: '', specHash: '' };
})();

/** As an agent from before there were resizes made it. */
function unmarked(made: Container, more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  const { madeWith: _madeWith, ...rest } = item(made, more);
  return rest;
}

const room: Room = {
  allocatable: { cpuMillis: 2000, memoryBytes: 2 * gi },
  others: { cpuMillis: 500, memoryBytes: gi },
};

function steps(desired: Pod, containers: RuntimeContainer[], in_: Room = room): Step[] {
  return planPod(planResize(desired, containers, in_).pod, [sandbox, ...containers], nowMs);
}

const types = (list: Step[]): string[] => list.map(({ type }) => type);

describe('resources in the kernel', () => {
  const cases: [string, Resources | undefined, ReturnType<typeof wantedResources>][] = [
    ['nothing asked', undefined, { cpuShares: 2 }],
    ['requests', { requests: { cpu: '250m', memory: '1Gi' } }, { cpuShares: 256 }],
    ['a limit alone', { limits: { cpu: '500m' } }, { cpuShares: 512, cpuLimitMillis: 500 }],
    ['less than the kernel can', { limits: { cpu: '1m' } }, { cpuShares: 2, cpuLimitMillis: 10 }],
    ['both', small, { cpuShares: 102, cpuLimitMillis: 200, memoryLimitBytes: 128 << 20 }],
  ];
  for (const [title, resources, expected] of cases)
    it(title, () => assert.deepEqual(wantedResources(box(resources)), expected));

  it('and back, to the thousandth of a core', () => {
    for (let millis = 3; millis <= 4096; millis += 7) {
      const cpu = millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
      const made = item(box({ requests: { cpu, memory: '64Mi' } }));
      assert.deepEqual(shownResources(box({ requests: { cpu: '5' } }), made).requests, { cpu, memory: '64Mi' });
    }
  });
});

describe('a running container', () => {
  const cases: [string, Container, RuntimeContainer, ReturnType<typeof resizeOf>][] = [
    ['as it should be', box(small), item(box(small)), 'none'],
    ['as it should be, made by an older agent', box(small), unmarked(box(small)), 'none'],
    ['of an engine that says nothing of resources', box(large), withoutResources(item(box(small))), 'none'],
    ['without any resources', box(undefined), item(box(undefined)), 'none'],
    ['asked for the same in other words', box(inOtherWords), item(box(small)), 'none'],
    ['that is to be larger', box(large), item(box(small)), 'update'],
    ['that is to be smaller', box(small), item(box(large)), 'update'],
    ['that only asks for more memory of the node', box(moreRequest), item(box(small)), 'none'],
    ['with a policy for another resource', box(moreCpu, { resizePolicy: onMemory }), item(box(small)), 'update'],
    ['with a policy of restarts', box(moreCpu, { resizePolicy: onCpu }), item(box(small)), 'restart'],
    [
      'of an older agent with a policy of restarts',
      box(moreCpu, { resizePolicy: onCpu }),
      unmarked(box(small)),
      'restart',
    ],
    ['with both changed', box(large, { resizePolicy: onMemory }), item(box(small)), 'restart'],
    ['whose memory request starts it anew', box(moreRequest, { resizePolicy: onMemory }), item(box(small)), 'restart'],
    [
      'made with what is wanted is never started anew, whatever the engine shows',
      box(large, { resizePolicy: [...onCpu, ...onMemory] }),
      item(box(large), { resources: { cpuShares: 200, memoryLimitBytes: 1 } }),
      'update',
    ],
  ];
  for (const [title, container, found, expected] of cases)
    it(title, () => assert.equal(resizeOf(container, found), expected));
});

function withoutResources({ resources: _resources, ...rest }: RuntimeContainer): RuntimeContainer {
  return rest;
}

describe('steps of a resize', () => {
  it('a container is updated where it runs', () =>
    assert.deepEqual(steps(pod(box(large)), [item(box(small))]), [
      { type: 'update', id: 'c0', containerName: 'app', resources: wantedResources(box(large)) },
    ]));

  it('nothing is left to do after it, also for an agent that starts anew', () => {
    const updated = item(box(small), { resources: wantedResources(box(large)) });
    assert.deepEqual(steps(pod(box(large)), [updated]), []);
  });

  it('a policy of restarts stops and starts that container in one go', () => {
    const beside = { ...box(small), name: 'beside' };
    const desired = pod(box(large, { resizePolicy: onMemory }), { restartPolicy: 'OnFailure' });
    desired.spec?.containers.push(beside);
    const found = [item(box(small)), item(beside, { id: 'c1' })];
    const [stop, start, ...others] = steps(desired, found);
    assert.deepEqual(others, []);
    assert.deepEqual(stop, { type: 'stop', ids: ['c0'], graceSeconds: 20, why: 'its resources changed' });
    assert.ok(start?.type === 'start');
    assert.deepEqual([start.container.name, start.attempt, start.crashStreak], ['app', 1, 0]);
  });

  it('another image takes the container with it', () =>
    assert.deepEqual(types(steps(pod(box(large, { image: 'i:2' })), [item(box(small))])), ['stop']));

  it('sidecars are resized too, before and after the containers have started', () => {
    const side = (resources: Resources): Container => box(resources, { name: 'side', restartPolicy: 'Always' });
    const desired = pod(box(small), { initContainers: [side(large)] });
    const found = item(side(small), { id: 'c1', role: 'init' });
    assert.deepEqual(types(steps(desired, [found])), ['update']);
    assert.deepEqual(types(steps(desired, [found, item(box(small))])), ['update']);
  });

  it('a container that has ended is not started for it', () => {
    const ended = item(box(small), { state: 'exited', exitCode: 0, finishedAtMs: nowMs });
    const desired = pod(box(large, { resizePolicy: onMemory }), { restartPolicy: 'OnFailure' });
    assert.ok(!types(steps(desired, [ended])).includes('start'));
  });
});

describe('room for a resize', () => {
  const ask = (cpu: string, memory = '64Mi'): Container => box({ ...small, requests: { cpu, memory }, limits: {} });
  const found = [item(ask('100m'))];
  const pendingOf = (container: Container, in_ = room): unknown => planResize(pod(container), found, in_).pending;

  it('there is', () => assert.equal(pendingOf(ask('1500m', '1Gi')), undefined));
  it('more than the node has is infeasible', () =>
    assert.deepEqual(pendingOf(ask('2100m')), {
      reason: 'Infeasible',
      message: "Node didn't have enough capacity: cpu, requested: 2100, capacity: 2000",
    }));
  it('more than the other pods leave is deferred', () =>
    assert.deepEqual(pendingOf(ask('100m', '1100Mi')), {
      reason: 'Deferred',
      message: "Node didn't have enough resource: memory",
    }));
  it('less is always possible', () => {
    const crowded = { ...room, others: { cpuMillis: 9000, memoryBytes: 9 * gi } };
    assert.equal(pendingOf(ask('50m'), crowded), undefined);
    assert.notEqual(pendingOf(ask('150m'), crowded), undefined);
  });

  it('a pod that has ended waits for nothing', () => {
    const ended = item(ask('100m'), { state: 'exited', exitCode: 0, finishedAtMs: nowMs });
    const desired = pod(ask('9'), { restartPolicy: 'OnFailure' });
    assert.equal(planResize(desired, [ended], room).pending, undefined);
  });

  it('a pod that waits goes on with what it has, and a crash of it too', () => {
    const wanted = pod(box({ requests: { cpu: '5', memory: '1Gi' }, limits: { cpu: '6', memory: '2Gi' } }));
    assert.deepEqual(steps(wanted, [item(box(small))]), []);
    const crashed = item(box(small), { state: 'exited', exitCode: 1, finishedAtMs: nowMs });
    const [start] = steps(wanted, [crashed]);
    assert.ok(start?.type === 'start');
    assert.deepEqual(start.container.resources, small);
  });

  it('what was done while nobody remembers stays: an infeasible wish undoes no resize', () => {
    const resized = item(box(small), { resources: wantedResources(box(large)) });
    const wanted = pod(
      box({ ...large, requests: { cpu: '5', memory: '96Mi' }, limits: { cpu: '6', memory: '256Mi' } }),
    );
    const { pod: allocated, pending } = planResize(wanted, [resized], room);
    assert.equal(pending?.reason, 'Infeasible');
    assert.deepEqual(allocated.spec?.containers[0]?.resources, {
      // The memory request is of the hour it was made: no engine knows of another.
      requests: { cpu: '200m', memory: '64Mi' },
      limits: { cpu: '400m', memory: '256Mi' },
    });
    assert.deepEqual(steps(wanted, [resized]), []);
  });
});

describe('status of a resize', () => {
  const statusOf = (desired: Pod, found: RuntimeContainer, resizeError?: string): ReturnType<typeof podStatus> =>
    podStatus({
      ...planResize(desired, [found], room),
      containers: [sandbox, found],
      waiting: new Map(),
      hostAddress: '192.0.2.1',
      known: undefined,
      isReady: () => true,
      resizeError,
      nowMs,
    });
  const shown = (status: ReturnType<typeof podStatus>): unknown[] => {
    const { allocatedResources, resources } = (status.containerStatuses?.[0] ?? {}) as ContainerStatus;
    const conditions = (status.conditions ?? []) as unknown as (Condition & { observedGeneration?: number })[];
    const own = conditions.filter(({ type }) => type.startsWith('PodResize'));
    return [allocatedResources, resources, own.map(({ type, reason, message }) => [type, reason, message].join(' '))];
  };

  it('done', () => {
    const status = statusOf(pod(box(large)), item(box(large)));
    assert.deepEqual(shown(status), [large.requests, large, []]);
    assert.equal((status as { observedGeneration?: number }).observedGeneration, 2);
  });

  it('under way, and why it does not come to its end', () => {
    const desired = pod(box(large));
    assert.deepEqual(shown(statusOf(desired, item(box(small)))), [large.requests, small, ['PodResizeInProgress  ']]);
    assert.deepEqual(shown(statusOf(desired, item(box(small)), 'too much in use'))[2], [
      'PodResizeInProgress Error too much in use',
    ]);
  });

  it('pending', () => {
    const desired = pod(box({ requests: { cpu: '5', memory: '64Mi' }, limits: { cpu: '5', memory: '128Mi' } }));
    assert.deepEqual(shown(statusOf(desired, item(box(small)))), [
      small.requests,
      small,
      ["PodResizePending Infeasible Node didn't have enough capacity: cpu, requested: 5000, capacity: 2000"],
    ]);
  });

  it('no amounts for a pod that asks for nothing', () =>
    assert.deepEqual(shown(statusOf(pod(box(undefined)), item(box(undefined)))), [undefined, {}, []]));
});
