// One metric's word on the number of pods: the ratio, its tolerance, and pods
// that tell nothing.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../../api/meta/kubernetes.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { type Measurement, measure, type Target, usagesOf } from './metrics.ts';

const nowMs = Date.parse('2024-05-01T12:00:00Z');
const ago = (seconds: number): string => formatTime(nowMs - seconds * 1000);

type PodOptions = {
  phase?: string;
  ready?: string;
  startedSeconds?: number;
  changedSeconds?: number;
  request?: string | undefined;
  deleted?: boolean;
};

/** Ready for an hour, with a request of 100m, unless it says otherwise. */
function pod(name: string, options: PodOptions = {}): Pod {
  const { phase = 'Running', ready = 'True', startedSeconds = 3600, changedSeconds = 3600, deleted = false } = options;
  const request = 'request' in options ? options.request : '100m';
  const requests = request === undefined ? {} : { cpu: request, memory: '100Mi' };
  return {
    metadata: { name, ...(deleted ? { deletionTimestamp: ago(1) } : {}) },
    spec: { containers: [{ name: 'main', resources: { requests } }] },
    status: {
      phase,
      startTime: ago(startedSeconds),
      conditions: [{ type: 'Ready', status: ready, lastTransitionTime: ago(changedSeconds) }],
    },
  } as unknown as Pod;
}

/** Usage by pod, in millicores. */
function metricsOf(used: Record<string, number>): object[] {
  return Object.entries(used).map(([name, millis]) => ({
    metadata: { name },
    timestamp: ago(5),
    window: '15.000s',
    containers: [{ name: 'main', usage: { cpu: `${millis * 1_000_000}n`, memory: '64Mi' } }],
  }));
}

const half: Target = { resource: 'cpu', percent: 50 };
const tolerance = { up: 0.1, down: 0.1 };

function measured(
  pods: Pod[],
  used: Record<string, number>,
  target: Target = half,
  current = pods.length,
): Measurement {
  const usages = usagesOf(metricsOf(used) as Parameters<typeof usagesOf>[0]);
  return measure(pods, usages, target, { currentReplicas: current, tolerance, nowMs });
}
function replicas(...args: Parameters<typeof measured>): number {
  const result = measured(...args);
  assert.ok('replicas' in result, JSON.stringify(result));
  return result.replicas;
}

const abc = (options: PodOptions = {}): Pod[] => [pod('a'), pod('b'), pod('c', options)];

describe('utilization', () => {
  const cases: [title: string, pods: Pod[], used: Record<string, number>, replicas: number][] = [
    ['twice what it should be', abc(), { a: 100, b: 100, c: 100 }, 6],
    ['half', abc(), { a: 25, b: 25, c: 25 }, 2],
    ['nothing at all', abc(), { a: 0, b: 0, c: 0 }, 0],
    ['a little more is no reason', abc(), { a: 54, b: 55, c: 55 }, 3],
    ['a little less is none either', abc(), { a: 46, b: 46, c: 46 }, 3],
    ['one that goes does not count', abc({ deleted: true }), { a: 100, b: 100, c: 0 }, 4],
    ['nor one that has failed', abc({ phase: 'Failed' }), { a: 100, b: 100 }, 4],
    ['for more, one that is pending uses nothing', abc({ phase: 'Pending' }), { a: 100, b: 100 }, 4],
    ['for fewer, it does not count', abc({ phase: 'Pending' }), { a: 25, b: 25 }, 1],
    ['for more, one that tells nothing uses nothing', abc(), { a: 100, b: 100 }, 4],
    ['which may be no reason any more', abc(), { a: 75, b: 75 }, 3],
    ['for fewer, it uses all it asked for', abc(), { a: 20, b: 20 }, 3],
    ['one that is starting does not count', abc({ ready: 'False', startedSeconds: 100 }), { a: 25, b: 25, c: 1000 }, 1],
    [
      'nor one that was measured before it was ready',
      abc({ startedSeconds: 100, changedSeconds: 10 }),
      { a: 25, b: 25, c: 1000 },
      1,
    ],
    ['but one that was ready for long', abc({ startedSeconds: 100, changedSeconds: 90 }), { a: 50, b: 50, c: 200 }, 6],
    ['and one that is no longer ready', abc({ ready: 'False', changedSeconds: 10 }), { a: 50, b: 50, c: 200 }, 6],
  ];
  for (const [title, pods, used, expected] of cases)
    it(title, () => assert.equal(replicas(pods, used, half, 3), expected));

  it('is told in percent of the requests, and on average', () =>
    assert.deepEqual(measured(abc(), { a: 100, b: 20, c: 30 }), {
      replicas: 3,
      current: { averageUtilization: 50, averageValue: '50m' },
    }));
});

describe('average value', () => {
  it('of CPU', () =>
    assert.deepEqual(measured(abc(), { a: 300, b: 300, c: 300 }, { resource: 'cpu', averageMillis: 100 }), {
      replicas: 9,
      current: { averageValue: '300m' },
    }));
  it('of memory', () =>
    assert.deepEqual(
      measured(abc(), { a: 1, b: 1, c: 1 }, { resource: 'memory', averageMillis: 32 * 2 ** 20 * 1000 }),
      {
        replicas: 6,
        current: { averageValue: '67108864' },
      },
    ));
  it('for fewer, a pod that tells nothing uses what it should', () =>
    assert.equal(replicas(abc(), { a: 20, b: 20 }, { resource: 'cpu', averageMillis: 100 }), 2));
  it('of one container of each pod', () => {
    const two = pod('a');
    two.spec?.containers.push({ name: 'side' } as never);
    const of = (container: string): Measurement => measured([two], { a: 100 }, { ...half, container });
    assert.deepEqual(of('main'), { replicas: 2, current: { averageUtilization: 100, averageValue: '100m' } });
    assert.deepEqual(of('side'), {
      problem: 'failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)',
    });
  });
});

describe('what can’t be told', () => {
  const problem = (...args: Parameters<typeof measured>): string => {
    const result = measured(...args);
    return 'problem' in result ? result.problem : `${result.replicas} replicas`;
  };
  it('without metrics', () =>
    assert.equal(
      problem(abc(), {}),
      'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API',
    ));
  it('without pods', () =>
    assert.equal(
      problem([], { a: 1 }),
      'failed to get cpu utilization: no pods returned by selector while calculating replica count',
    ));
  it('without a request', () =>
    assert.equal(
      problem(abc({ request: undefined }), { a: 1, b: 1, c: 1 }),
      'failed to get cpu utilization: missing request for cpu in container main of Pod c',
    ));
  it('but a value needs no request', () =>
    assert.equal(
      replicas(abc({ request: undefined }), { a: 100, b: 100, c: 100 }, { resource: 'cpu', averageMillis: 100 }),
      3,
    ));
});
