// A pod's status from what runs of it, as kubectl users know it: phases,
// reasons of waiting and ending, conditions and the times they changed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, Container, Pod } from '../../api/meta/kubernetes.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { podStatus, type StatusInput } from './status.ts';

const nowMs = Date.parse('2024-05-01T12:00:00Z');
const createdAtMs = nowMs - 60_000;

type Spec = { init?: string[]; containers?: string[]; policy?: string; hostNetwork?: boolean; sidecars?: string[] };

function pod({ init = [], sidecars = [], containers = ['app'], policy = 'Always', hostNetwork = false }: Spec): Pod {
  const make = (name: string): Container => ({ name, image: `${name}:1` }) as Container;
  const initContainers = [...sidecars.map((name) => ({ ...make(name), restartPolicy: 'Always' })), ...init.map(make)];
  const spec = { containers: containers.map(make), initContainers, restartPolicy: policy, hostNetwork };
  return { metadata: { name: 'p', namespace: 'default', uid: 'u' }, spec } as unknown as Pod;
}

function item(name: string, state: RuntimeContainer['state'], more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  const isSandbox = name === '';
  return {
    id: `${isSandbox ? 'sandbox' : name}-${more.attempt ?? 0}`,
    engine: 'docker',
    state,
    podUid: 'u',
    podNamespace: 'default',
    podName: 'p',
    role: isSandbox ? 'sandbox' : 'container',
    containerName: name,
    attempt: 0,
    crashStreak: 0,
    specHash: '',
    sandboxId: isSandbox ? '' : 'sandbox-0',
    image: `${name}:1`,
    imageId: `sha256:${name}`,
    createdAtMs,
    ...(state === 'created' ? {} : { startedAtMs: createdAtMs + 1000 }),
    ...(state === 'exited' ? { finishedAtMs: nowMs - 1000, exitCode: 1 } : {}),
    ...more,
  };
}

const sandbox = item('', 'running', { address: '10.0.0.7' });
const init = (name: string, state: RuntimeContainer['state'], more: Partial<RuntimeContainer> = {}): RuntimeContainer =>
  item(name, state, { role: 'init', ...more });

function status(spec: Spec, containers: RuntimeContainer[], more: Partial<StatusInput> = {}) {
  return podStatus({
    pod: pod(spec),
    containers,
    waiting: new Map(),
    hostAddress: '192.0.2.1',
    known: undefined,
    isReady: () => true,
    nowMs,
    ...more,
  });
}

describe('phase', () => {
  const two = { containers: ['a', 'b'] };
  const ok = { exitCode: 0 };
  const cases: [title: string, spec: Spec, containers: RuntimeContainer[], phase: string][] = [
    ['nothing runs', {}, [], 'Pending'],
    ['only the sandbox', {}, [sandbox], 'Pending'],
    ['a container is made', {}, [sandbox, item('app', 'created')], 'Pending'],
    ['one of two runs', two, [sandbox, item('a', 'running')], 'Pending'],
    ['both run', two, [sandbox, item('a', 'running'), item('b', 'running')], 'Running'],
    ['an init container runs', { init: ['i'] }, [sandbox, init('i', 'running')], 'Pending'],
    ['an init container failed and will run again', { init: ['i'] }, [sandbox, init('i', 'exited')], 'Pending'],
    ['an init container failed for good', { init: ['i'], policy: 'Never' }, [sandbox, init('i', 'exited')], 'Failed'],
    ['it crashed and will run again', {}, [sandbox, item('app', 'exited')], 'Running'],
    ['it ended well and will run again', {}, [sandbox, item('app', 'exited', ok)], 'Running'],
    ['all ended well', { policy: 'OnFailure' }, [sandbox, item('app', 'exited', ok)], 'Succeeded'],
    [
      'one of two ended well',
      { ...two, policy: 'Never' },
      [sandbox, item('a', 'exited', ok), item('b', 'running')],
      'Running',
    ],
    [
      'one of two failed',
      { ...two, policy: 'Never' },
      [sandbox, item('a', 'exited', ok), item('b', 'exited')],
      'Failed',
    ],
    ['the sandbox of a finished pod is gone', { policy: 'Never' }, [item('app', 'exited', ok)], 'Succeeded'],
  ];
  for (const [title, spec, containers, phase] of cases)
    it(title, () => assert.equal(status(spec, containers).phase, phase));
});

describe('state of a container', () => {
  const waitingFor = (reason: string): Partial<StatusInput> => ({
    waiting: new Map([['app', { reason, message: 'm' }]]),
  });
  const crashed = item('app', 'exited', { attempt: 3, crashStreak: 3 });
  const cases: [
    title: string,
    spec: Spec,
    containers: RuntimeContainer[],
    more: Partial<StatusInput>,
    state: string,
  ][] = [
    ['nothing yet', {}, [sandbox], {}, 'waiting ContainerCreating'],
    ['init containers first', { init: ['i'] }, [sandbox, init('i', 'running')], {}, 'waiting PodInitializing'],
    [
      'then its own turn',
      { init: ['i'] },
      [sandbox, init('i', 'exited', { exitCode: 0 })],
      {},
      'waiting ContainerCreating',
    ],
    ['no image', {}, [sandbox], waitingFor('ErrImagePull'), 'waiting ErrImagePull'],
    ['runs', {}, [sandbox, item('app', 'running')], {}, 'running'],
    ['ended well', { policy: 'Never' }, [sandbox, item('app', 'exited', { exitCode: 0 })], {}, 'terminated Completed'],
    ['failed', { policy: 'Never' }, [sandbox, item('app', 'exited')], {}, 'terminated Error'],
    [
      'out of memory',
      { policy: 'Never' },
      [sandbox, item('app', 'exited', { exitCode: 137, oomKilled: true })],
      {},
      'terminated OOMKilled',
    ],
    [
      'could not start',
      { policy: 'Never' },
      [sandbox, item('app', 'exited', { exitCode: 128, error: 'no such file' })],
      {},
      'terminated StartError',
    ],
    ['first crash', {}, [sandbox, item('app', 'exited')], {}, 'terminated Error'],
    ['many crashes', {}, [sandbox, crashed], {}, 'waiting CrashLoopBackOff'],
    ['after the backoff', {}, [sandbox, { ...crashed, finishedAtMs: nowMs - 50_000 }], {}, 'terminated Error'],
    [
      'crashed, and now without its image',
      {},
      [sandbox, crashed],
      waitingFor('ImagePullBackOff'),
      'waiting ImagePullBackOff',
    ],
  ];
  for (const [title, spec, containers, more, expected] of cases) {
    it(title, () => {
      const state = status(spec, containers, more).containerStatuses?.[0]?.state ?? {};
      const [[kind, value] = ['', {}]] = Object.entries(state) as [string, { reason?: string }][];
      assert.equal([kind, value.reason].filter((part) => part !== undefined).join(' '), expected);
    });
  }

  it('tells when and how the last attempt ended', () => {
    const before = item('app', 'exited', { exitCode: 3, error: 'why', finishedAtMs: nowMs - 30_000 });
    const [found] = status({}, [sandbox, before, item('app', 'running', { attempt: 1 })]).containerStatuses ?? [];
    assert.equal(found?.restartCount, 1);
    assert.equal(found?.containerID, 'docker://app-1');
    assert.equal(found?.imageID, 'sha256:app');
    assert.deepEqual(found?.state, { running: { startedAt: '2024-05-01T11:59:01Z' } });
    assert.deepEqual(found?.lastState, {
      terminated: {
        exitCode: 3,
        reason: 'StartError',
        message: 'why',
        startedAt: '2024-05-01T11:59:01Z',
        finishedAt: '2024-05-01T11:59:30Z',
        containerID: 'docker://app-0',
      },
    });
  });

  it('shows the crash as the last state while it waits', () => {
    const [found] = status({}, [sandbox, crashed]).containerStatuses ?? [];
    assert.equal(found?.restartCount, 3);
    assert.equal(found?.lastState?.terminated?.exitCode, 1);
    assert.match(found?.state?.waiting?.message ?? '', /back-off.*restarting failed container/);
  });
});

describe('readiness', () => {
  const cases: [title: string, containers: RuntimeContainer[], isReady: boolean, ready: boolean][] = [
    ['runs and answers', [sandbox, item('app', 'running')], true, true],
    ['runs and does not answer', [sandbox, item('app', 'running')], false, false],
    ['runs without its sandbox', [item('', 'exited'), item('app', 'running')], true, false],
    ['does not run', [sandbox, item('app', 'exited')], true, false],
  ];
  for (const [title, containers, isReady, ready] of cases) {
    it(title, () => {
      const { containerStatuses, conditions } = status({}, containers, { isReady: () => isReady });
      assert.equal(containerStatuses?.[0]?.ready, ready);
      const ofPod = conditions?.find((condition) => condition.type === 'Ready');
      assert.equal(ofPod?.status, ready ? 'True' : 'False');
      if (!ready) assert.equal(ofPod?.message, 'containers with unready status: [app]');
    });
  }

  it('of init containers: done; of sidecars: as of any other', () => {
    const spec = { sidecars: ['s'], init: ['i'] };
    const containers = [sandbox, init('s', 'running'), init('i', 'exited', { exitCode: 0 })];
    const ready = (answers: boolean): (boolean | undefined)[] =>
      (status(spec, containers, { isReady: () => answers }).initContainerStatuses ?? []).map((found) => found.ready);
    assert.deepEqual(ready(true), [true, true]);
    assert.deepEqual(ready(false), [false, true]);
  });
});

describe('conditions', () => {
  const types = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'];
  const cases: [title: string, spec: Spec, containers: RuntimeContainer[], statuses: string][] = [
    ['nothing runs', {}, [], 'False True False False'],
    ['a sandbox', {}, [sandbox], 'True True False False'],
    ['an init container runs', { init: ['i'] }, [sandbox, init('i', 'running')], 'True False False False'],
    [
      'all runs',
      { init: ['i'] },
      [sandbox, init('i', 'exited', { exitCode: 0 }), item('app', 'running')],
      'True True True True',
    ],
    ['done', { policy: 'Never' }, [item('app', 'exited', { exitCode: 0 })], 'False True False False'],
  ];
  for (const [title, spec, containers, statuses] of cases) {
    it(title, () => {
      const { conditions = [] } = status(spec, containers);
      assert.deepEqual(
        conditions.map(({ type }) => type),
        types,
      );
      assert.equal(conditions.map((condition) => condition.status).join(' '), statuses);
    });
  }

  it('say why a finished pod is not ready', () => {
    for (const [exitCode, reason] of [
      [0, 'PodCompleted'],
      [1, 'PodFailed'],
    ] as const) {
      const { conditions } = status({ policy: 'Never' }, [item('app', 'exited', { exitCode })]);
      assert.equal(conditions?.find(({ type }) => type === 'Ready')?.reason, reason);
    }
  });

  it('change their time only with their status', () => {
    const then = '2024-05-01T10:00:00Z';
    const known: Condition[] = types.map((type) => ({ type, status: 'True', lastTransitionTime: then }));
    const times = (containers: RuntimeContainer[]): unknown[] =>
      (status({}, containers, { known }).conditions ?? []).map(({ lastTransitionTime }) => lastTransitionTime);
    const now = '2024-05-01T12:00:00Z';
    assert.deepEqual(times([sandbox, item('app', 'running')]), [then, then, then, then]);
    assert.deepEqual(times([sandbox, item('app', 'exited')]), [then, then, now, now]);
  });
});

describe('addresses and start', () => {
  it('has the sandbox address while it runs', () => {
    const { podIP, podIPs, hostIP, hostIPs, startTime } = status({}, [sandbox]);
    assert.deepEqual({ podIP, podIPs }, { podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }] });
    assert.deepEqual({ hostIP, hostIPs }, { hostIP: '192.0.2.1', hostIPs: [{ ip: '192.0.2.1' }] });
    assert.equal(startTime, '2024-05-01T11:59:00Z');
    assert.equal(status({}, [item('', 'exited', { address: '10.0.0.7' })]).podIP, undefined);
  });

  it('has the address of the host in its network', () => {
    assert.equal(status({ hostNetwork: true }, [sandbox]).podIP, '192.0.2.1');
  });
});
