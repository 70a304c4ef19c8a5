// The pod planner: each state that a pod can be found in, and the steps that
// the kubelet would take. Steps are written short, as text, so that a state is
// a line of a table.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Pod } from '../../api/meta/kubernetes.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { containerHash } from './container-hash.ts';
import { planPod, restartDelayMs, type Step } from './plan.ts';

const nowMs = 1_700_000_000_000;
const minuteMs = 60_000;

type PodOptions = { init?: Container[]; containers?: Container[]; policy?: string; deleted?: number };

function pod({ init, containers = [box('app')], policy = 'Always', deleted }: PodOptions = {}): Pod {
  const deletion =
    deleted === undefined ? {} : { deletionTimestamp: '2023-11-14T22:13:20Z', deletionGracePeriodSeconds: deleted };
  const spec = { containers, restartPolicy: policy, terminationGracePeriodSeconds: 20 };
  return {
    metadata: { name: 'p', namespace: 'default', uid: 'u', ...deletion },
    spec: { ...spec, ...(init === undefined ? {} : { initContainers: init }) },
  } as Pod;
}

function box(name: string, image = 'i:1'): Container {
  return { name, image } as Container;
}

const sidecar = (name: string): Container => ({ ...box(name), restartPolicy: 'Always' }) as Container;

/** A container in the engine. `name/attempt`, in sandbox `s0` when nothing else is said. */
function item(id: string, state: RuntimeContainer['state'], more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  const [containerName = '', attempt = '0'] = id.split('/');
  return {
    id,
    engine: 'docker',
    state,
    podUid: 'u',
    podNamespace: 'default',
    podName: 'p',
    role: 'container',
    containerName,
    attempt: Number(attempt),
    crashStreak: 0,
    specHash: containerHash(box(containerName)),
    sandboxId: 's0',
    image: 'i:1',
    imageId: 'sha256:1',
    createdAtMs: nowMs - minuteMs,
    startedAtMs: nowMs - minuteMs,
    ...(state === 'exited' ? { exitCode: 1, finishedAtMs: nowMs - 1000 } : {}),
    ...more,
  };
}

function sandbox(attempt = 0, state: RuntimeContainer['state'] = 'running'): RuntimeContainer {
  return item(`s${attempt}`, state, { role: 'sandbox', containerName: '', attempt, sandboxId: '', specHash: '' });
}

const init = (id: string, state: RuntimeContainer['state'], more: Partial<RuntimeContainer> = {}): RuntimeContainer =>
  item(id, state, { role: 'init', ...more });
const done = { exitCode: 0 };

function text(step: Step): string {
  switch (step.type) {
    case 'create-sandbox':
      return `sandbox ${step.attempt}`;
    case 'start':
      return `start ${step.container.name}/${step.attempt} streak ${step.crashStreak} in ${step.sandboxId}`;
    case 'stop':
      return `stop ${step.ids.join(' ')} in ${step.graceSeconds} s`;
    case 'update':
      return `update ${step.id}`;
    case 'remove':
      return `remove ${step.ids.join(' ')}`;
    case 'wait':
      return `wait ${step.delayMs} ms`;
    case 'gone':
      return 'gone';
  }
}

type Case = [title: string, pod: Pod | undefined, containers: RuntimeContainer[], steps: string[]];

function check(cases: Case[]): void {
  for (const [title, desired, containers, steps] of cases) {
    it(title, () => assert.deepEqual(planPod(desired, containers, nowMs).map(text), steps));
  }
}

const two = [box('a'), box('b')];
const inits = [box('i1'), box('i2')];

describe('sandbox', () =>
  check([
    ['nothing runs yet', pod(), [], ['sandbox 0']],
    ['a sandbox runs', pod(), [sandbox()], ['start app/0 streak 0 in s0']],
    ['all runs', pod(), [sandbox(), item('app', 'running')], []],
    ['made but never started', pod(), [sandbox(0, 'created')], ['remove s0', 'sandbox 1']],
    ['dead after a reboot', pod(), [sandbox(0, 'exited'), item('app', 'exited')], ['remove s0', 'sandbox 1']],
    [
      'dead, with a container that was never started',
      pod(),
      [sandbox(0, 'exited'), item('app', 'created')],
      ['remove s0 app', 'sandbox 1'],
    ],
    ['gone under running containers', pod(), [item('app', 'running')], ['stop app in 20 s']],
    ['dead under running containers', pod(), [sandbox(0, 'exited'), item('app', 'running')], ['stop app in 20 s']],
    [
      'the container of an earlier sandbox counts on',
      pod(),
      [sandbox(1), item('app/3', 'exited', { crashStreak: 3 })],
      ['start app/4 streak 0 in s1'],
    ],
    [
      'an old sandbox goes',
      pod(),
      [sandbox(0, 'exited'), sandbox(1), item('app', 'running', { sandboxId: 's1' })],
      ['remove s0'],
    ],
  ]));

describe('containers', () =>
  check([
    ['all at once', pod({ containers: two }), [sandbox()], ['start a/0 streak 0 in s0', 'start b/0 streak 0 in s0']],
    ['one is missing', pod({ containers: two }), [sandbox(), item('a', 'running')], ['start b/0 streak 0 in s0']],
    [
      'created, not started',
      pod(),
      [sandbox(), item('app/2', 'created', { crashStreak: 1 })],
      ['remove app/2', 'start app/2 streak 1 in s0'],
    ],
    [
      'another image while it runs',
      pod({ containers: [box('app', 'i:2')] }),
      [sandbox(), item('app', 'running')],
      ['stop app in 20 s'],
    ],
    [
      'another image after that, at once and without a streak',
      pod({ containers: [box('app', 'i:2')] }),
      [sandbox(), item('app/4', 'exited', { crashStreak: 4 })],
      ['start app/5 streak 0 in s0'],
    ],
    [
      'only the newest two attempts are kept',
      pod(),
      [sandbox(), item('app/1', 'exited'), item('app/3', 'running'), item('app/0', 'exited'), item('app/2', 'exited')],
      ['remove app/1 app/0'],
    ],
  ]));

describe('init containers', () =>
  check([
    ['the first one only', pod({ init: inits }), [sandbox()], ['start i1/0 streak 0 in s0']],
    ['while it runs nothing else', pod({ init: inits }), [sandbox(), init('i1', 'running')], []],
    ['then the second', pod({ init: inits }), [sandbox(), init('i1', 'exited', done)], ['start i2/0 streak 0 in s0']],
    [
      'then the containers',
      pod({ init: inits }),
      [sandbox(), init('i1', 'exited', done), init('i2', 'exited', done)],
      ['start app/0 streak 0 in s0'],
    ],
    ['a failed one again', pod({ init: inits }), [sandbox(), init('i1', 'exited')], ['start i1/1 streak 1 in s0']],
    [
      'not again once the containers run',
      pod({ init: inits }),
      [sandbox(), item('app', 'running'), init('i2', 'exited')],
      [],
    ],
    [
      'all again in a new sandbox',
      pod({ init: inits }),
      [sandbox(1), init('i1', 'exited', done), init('i2', 'exited', done), item('app', 'exited')],
      ['start i1/1 streak 0 in s1'],
    ],
    [
      'with Never, a failed one ends the pod',
      pod({ init: inits, policy: 'Never' }),
      [sandbox(), init('i1', 'exited')],
      ['stop s0 in 0 s'],
    ],
    ['and then it rests', pod({ init: inits, policy: 'Never' }), [sandbox(0, 'exited'), init('i1', 'exited')], []],
    [
      'with OnFailure it is tried again',
      pod({ init: inits, policy: 'OnFailure' }),
      [sandbox(), init('i1', 'exited')],
      ['start i1/1 streak 1 in s0'],
    ],
  ]));

describe('sidecars', () => {
  const withSidecar = (policy = 'Always'): Pod => pod({ init: [sidecar('s'), box('i')], policy });
  check([
    ['the next one waits for a sidecar to run', withSidecar(), [sandbox()], ['start s/0 streak 0 in s0']],
    ['and starts beside it', withSidecar(), [sandbox(), init('s', 'running')], ['start i/0 streak 0 in s0']],
    [
      'the containers too',
      withSidecar(),
      [sandbox(), init('s', 'running'), init('i', 'exited', done)],
      ['start app/0 streak 0 in s0'],
    ],
    [
      'one that ended starts again, whatever the policy and the exit code',
      withSidecar('Never'),
      [sandbox(), init('s', 'exited', done), init('i', 'exited', done), item('app', 'running')],
      ['start s/1 streak 1 in s0'],
    ],
    [
      'one that is down holds nobody up',
      pod({ init: [sidecar('s')], containers: two }),
      [sandbox(), init('s', 'exited', { crashStreak: 1 }), item('a', 'running')],
      ['wait 9000 ms', 'start b/0 streak 0 in s0'],
    ],
    [
      'they are stopped after the containers',
      pod({ init: [sidecar('s')], deleted: 7 }),
      [sandbox(), init('s', 'running'), item('app', 'running')],
      ['stop app in 7 s'],
    ],
    [
      'and before the sandbox',
      pod({ init: [sidecar('s')], deleted: 7 }),
      [sandbox(), init('s', 'running'), item('app', 'exited')],
      ['stop s in 7 s'],
    ],
  ]);
});

describe('restart policies', () => {
  const cases: [policy: string, exitCode: number, step: string][] = [
    ['Always', 0, 'start app/1 streak 1 in s0'],
    ['Always', 1, 'start app/1 streak 1 in s0'],
    ['OnFailure', 0, 'stop s0 in 0 s'],
    ['OnFailure', 1, 'start app/1 streak 1 in s0'],
    ['Never', 0, 'stop s0 in 0 s'],
    ['Never', 1, 'stop s0 in 0 s'],
  ];
  for (const [policy, exitCode, step] of cases) {
    it(`${policy}, exit code ${exitCode}`, () => {
      const steps = planPod(pod({ policy }), [sandbox(), item('app', 'exited', { exitCode })], nowMs);
      assert.deepEqual(steps.map(text), [step]);
    });
  }
  check([
    [
      'one of two has finished',
      pod({ containers: two, policy: 'OnFailure' }),
      [sandbox(), item('a', 'exited', done), item('b', 'running')],
      [],
    ],
    [
      'what has finished is not run again in a new sandbox',
      pod({ containers: two, policy: 'OnFailure' }),
      [sandbox(1), item('a', 'exited', done), item('b', 'exited')],
      ['start b/1 streak 0 in s1'],
    ],
    ['a finished pod rests', pod({ policy: 'Never' }), [sandbox(0, 'exited'), item('app', 'exited', done)], []],
  ]);
});

describe('backoff', () => {
  const crashed = (crashStreak: number, agoMs: number, ranMs = 1000): RuntimeContainer =>
    item('app', 'exited', {
      crashStreak,
      finishedAtMs: nowMs - agoMs,
      startedAtMs: nowMs - agoMs - ranMs,
    });
  const delays: [title: string, last: RuntimeContainer, delayMs: number][] = [
    ['the first restart is at once', crashed(0, 0), 0],
    ['then 10 s', crashed(1, 0), 10_000],
    ['then 20 s', crashed(2, 0), 20_000],
    ['then 40 s', crashed(3, 0), 40_000],
    ['then 80 s', crashed(4, 0), 80_000],
    ['then 160 s', crashed(5, 0), 160_000],
    ['then 5 min', crashed(6, 0), 300_000],
    ['and never more', crashed(1000, 0), 300_000],
    ['counted from the exit', crashed(2, 15_000), 5000],
    ['over when the time has passed', crashed(2, 25_000), 0],
    ['forgotten after 10 min of running', crashed(6, 0, 10 * minuteMs), 0],
    ['not after less', crashed(6, 0, 10 * minuteMs - 1), 300_000],
    ['a clock that was set back makes it no longer', crashed(1, -86_400_000), 10_000],
    ['a clock that was set forward ends it', crashed(6, 86_400_000), 0],
  ];
  for (const [title, last, delayMs] of delays) it(title, () => assert.equal(restartDelayMs(last, nowMs), delayMs));
  check([
    ['waits', pod(), [sandbox(), crashed(2, 15_000)], ['wait 5000 ms']],
    ['starts when it is over', pod(), [sandbox(), crashed(2, 25_000)], ['start app/1 streak 3 in s0']],
    [
      'and begins anew after a long run',
      pod(),
      [sandbox(), crashed(6, 0, 10 * minuteMs)],
      ['start app/1 streak 1 in s0'],
    ],
  ]);
});

describe('removal', () =>
  check([
    ['containers get their grace', pod({ deleted: 5 }), [sandbox(), item('app', 'running')], ['stop app in 5 s']],
    ['a force delete gives none', pod({ deleted: 0 }), [sandbox(), item('app', 'running')], ['stop app in 0 s']],
    ['then the sandbox', pod({ deleted: 5 }), [sandbox(), item('app', 'exited')], ['stop s0 in 0 s']],
    ['then all goes', pod({ deleted: 5 }), [sandbox(0, 'exited'), item('app', 'exited')], ['remove s0 app']],
    ['also what never ran', pod({ deleted: 5 }), [sandbox(0, 'exited'), item('app', 'created')], ['remove s0 app']],
    ['until nothing is left', pod({ deleted: 5 }), [], ['gone']],
    ['an orphan goes too', undefined, [sandbox(), item('app', 'running')], ['stop app in 2 s']],
    ['an orphan without a sandbox', undefined, [item('app', 'exited')], ['remove app']],
    ['of an orphan nothing is left', undefined, [], ['gone']],
  ]));
