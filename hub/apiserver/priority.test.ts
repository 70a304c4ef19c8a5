// PriorityClasses at work: what class a new pod gets, and which classes there may be.
// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemPriorityClasses } from '../../api/kinds/scheduling.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import { InProcessApi, isRefused } from '../../test/support/in-process-api.ts';
import { resources } from '../client/resources.ts';

let stop: AbortController;
let api: InProcessApi;

beforeEach(async () => {
  stop = new AbortController();
  api = await InProcessApi.start(stop.signal);
  for (const { name, value } of systemPriorityClasses) await addClass(name, value);
  await addClass('low', -5, { preemptionPolicy: 'Never' });
});
afterEach(() => stop.abort());

async function addClass(name: string, value: number, rest: object = {}): Promise<void> {
  await api.create(resources.priorityClasses, { metadata: { name }, value, ...rest });
}

const podOf = (spec: object, metadata: object = {}): object => ({
  metadata: { name: 'p', ...metadata },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});

async function priorityOf(spec: object): Promise<unknown[]> {
  const pod = await api.create<Pod>(resources.pods, podOf(spec));
  return [pod.spec?.priorityClassName, pod.spec?.priority, pod.spec?.preemptionPolicy];
}

describe('a new pod', () => {
  const cases: [spec: object, priority: unknown[]][] = [
    [{}, [undefined, 0, 'PreemptLowerPriority']],
    [{ priority: 0 }, [undefined, 0, 'PreemptLowerPriority']],
    [{ priorityClassName: 'low' }, ['low', -5, 'Never']],
    // As in mirrors of static pods, which come with what their node has computed.
    [{ priorityClassName: 'low', priority: -5, preemptionPolicy: 'Never' }, ['low', -5, 'Never']],
    [{ priorityClassName: 'system-node-critical' }, ['system-node-critical', 2_000_001_000, 'PreemptLowerPriority']],
    [
      { priorityClassName: 'system-cluster-critical' },
      ['system-cluster-critical', 2_000_000_000, 'PreemptLowerPriority'],
    ],
  ];
  for (const [spec, priority] of cases)
    it(`of ${JSON.stringify(spec)} gets ${priority}`, async () => assert.deepEqual(await priorityOf(spec), priority));

  const computed = 'from the given PriorityClass name';
  const refusals: [spec: object, why: string][] = [
    [{ priorityClassName: 'foo' }, 'no PriorityClass with name foo was found'],
    [
      { priorityClassName: 'low', priority: 3 },
      `the integer value of priority (3) must not be provided in pod spec; priority admission controller computed -5 ${computed}`,
    ],
    [
      { priority: 3 },
      `the integer value of priority (3) must not be provided in pod spec; priority admission controller computed 0 ${computed}`,
    ],
    [
      { preemptionPolicy: 'Never' },
      `the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority ${computed}`,
    ],
  ];
  for (const [spec, why] of refusals) {
    it(`of ${JSON.stringify(spec)} is refused`, () =>
      isRefused(api.create(resources.pods, podOf(spec)), 'Forbidden', `pods "p" is forbidden: ${why}`));
  }

  it('gets the class that is for all who name none', async () => {
    await addClass('usual', 7, { globalDefault: true });
    assert.deepEqual(await priorityOf({}), ['usual', 7, 'PreemptLowerPriority']);
  });

  it('keeps its priority when it is replaced without one, or its class changes', async () => {
    await priorityOf({ priorityClassName: 'low' });
    await api.request(resources.priorityClasses, { verb: 'delete', name: 'low' });
    const body = podOf({ priorityClassName: 'low' }, { labels: { a: 'b' } });
    const { spec } = await api.request<Pod>(resources.pods, { verb: 'update', name: 'p', body });
    assert.deepEqual([spec?.priority, spec?.preemptionPolicy], [-5, 'Never']);
  });
});

describe('a class', () => {
  const reserved = "priority class names with 'system-' prefix are reserved for system use only. error:";
  const cases: [title: string, object: object, message: string][] = [
    [
      'with a reserved name',
      { metadata: { name: 'system-mine' }, value: 1 },
      `PriorityClass.scheduling.k8s.io "system-mine" is invalid: metadata.name: Forbidden: ${reserved} system-mine is not a known system priority class`,
    ],
    [
      'above what users may give',
      { metadata: { name: 'x' }, value: 1_000_000_001 },
      'PriorityClass.scheduling.k8s.io "x" is invalid: value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
    ],
    [
      'with an unknown policy',
      { metadata: { name: 'x' }, value: 1, preemptionPolicy: 'Maybe' },
      'PriorityClass.scheduling.k8s.io "x" is invalid: preemptionPolicy: Unsupported value: "Maybe": supported values: "Never", "PreemptLowerPriority"',
    ],
  ];
  for (const [title, object, message] of cases)
    it(`${title} is refused`, () => isRefused(api.create(resources.priorityClasses, object), 'Invalid', message));

  it('may have the greatest value of users', async () => {
    await addClass('x', 1_000_000_000);
    assert.deepEqual(await priorityOf({ priorityClassName: 'x' }), ['x', 1_000_000_000, 'PreemptLowerPriority']);
  });

  const changes: [change: object, message: string][] = [
    [{ value: -4 }, 'value: Forbidden: may not be changed in an update.'],
    [
      { preemptionPolicy: 'PreemptLowerPriority' },
      'preemptionPolicy: Invalid value: "PreemptLowerPriority": field is immutable',
    ],
  ];
  for (const [change, message] of changes) {
    it(`can't change by ${JSON.stringify(change)}`, () =>
      isRefused(
        api.patch(resources.priorityClasses, 'low', 'merge', change),
        'Invalid',
        `PriorityClass.scheduling.k8s.io "low" is invalid: ${message}`,
      ));
  }

  it('that is for all who name none is the only one', async () => {
    await addClass('usual', 7, { globalDefault: true });
    const why = 'PriorityClass usual is already marked as default. Only one default can exist';
    const refused = (name: string): string => `priorityclasses.scheduling.k8s.io "${name}" is forbidden: ${why}`;
    await isRefused(addClass('other', 8, { globalDefault: true }), 'Forbidden', refused('other'));
    const makeDefault = (name: string): Promise<unknown> =>
      api.patch(resources.priorityClasses, name, 'merge', { globalDefault: true, description: 'd' });
    await isRefused(makeDefault('low'), 'Forbidden', refused('low'));
    await makeDefault('usual');
    await api.patch(resources.priorityClasses, 'usual', 'merge', { globalDefault: false });
    await makeDefault('low');
  });

  it('of the system stays', () =>
    isRefused(
      api.request(resources.priorityClasses, { verb: 'delete', name: 'system-node-critical' }),
      'Forbidden',
      'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be deleted',
    ));
});
