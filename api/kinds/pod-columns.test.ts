// The columns of pods, as kubectl users know them. STATUS is the phase, or the
// most telling reason of a container.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../meta/kubernetes.ts';
import { podColumns, podStatusText } from './pod-columns.ts';

describe('STATUS', () => {
  const waiting = (reason: string): object => ({ state: { waiting: { reason } } });
  const ended = (exitCode: number, reason?: string, signal?: number): object => ({
    state: { terminated: { exitCode, reason, signal } },
  });
  const running = { ready: true, state: { running: {} } };
  type Case = [
    text: string,
    phase: string,
    containers: object[],
    init?: object[],
    more?: { deleted?: boolean; reason?: string; ready?: string },
  ];
  const cases: Case[] = [
    ['Pending', 'Pending', []],
    ['Running', 'Running', [running]],
    ['ContainerCreating', 'Pending', [waiting('ContainerCreating')]],
    ['ErrImagePull', 'Pending', [waiting('ErrImagePull')]],
    ['CrashLoopBackOff', 'Running', [waiting('CrashLoopBackOff')]],
    ['Completed', 'Succeeded', [ended(0, 'Completed')]],
    ['Error', 'Failed', [ended(1, 'Error')]],
    ['ExitCode:3', 'Failed', [ended(3)]],
    ['Signal:9', 'Failed', [ended(137, undefined, 9)]],
    ['Running', 'Running', [ended(0, 'Completed'), running], [], { ready: 'True' }],
    ['NotReady', 'Running', [ended(0, 'Completed'), running], [], { ready: 'False' }],
    ['CrashLoopBackOff', 'Running', [waiting('CrashLoopBackOff'), running]],
    ['Evicted', 'Failed', [], [], { reason: 'Evicted' }],
    ['Terminating', 'Running', [running], [], { deleted: true }],
    ['Init:0/2', 'Pending', [waiting('PodInitializing')], [waiting('PodInitializing'), waiting('PodInitializing')]],
    ['Init:1/2', 'Pending', [waiting('PodInitializing')], [ended(0, 'Completed'), { state: { running: {} } }]],
    ['Init:Error', 'Pending', [waiting('PodInitializing')], [ended(1, 'Error'), waiting('PodInitializing')]],
    ['Init:ExitCode:2', 'Pending', [waiting('PodInitializing')], [ended(2)]],
    ['Init:CrashLoopBackOff', 'Pending', [waiting('PodInitializing')], [waiting('CrashLoopBackOff')]],
    ['PodInitializing', 'Pending', [waiting('PodInitializing')], [ended(0, 'Completed')]],
    ['Terminating', 'Pending', [], [waiting('PodInitializing')], { deleted: true }],
    ['Error', 'Failed', [ended(1, 'Error')], [], { deleted: true }],
    ['Unknown', 'Running', [running], [], { deleted: true, reason: 'NodeLost' }],
  ];
  for (const [text, phase, containers, init = [], { deleted = false, reason, ready } = {}] of cases) {
    it(`${text}: ${phase} ${JSON.stringify([...init, ...containers])}`, () => {
      const object = {
        metadata: { name: 'p', ...(deleted ? { deletionTimestamp: 'now' } : {}) },
        spec: { containers, initContainers: init },
        status: {
          phase,
          reason,
          containerStatuses: containers,
          initContainerStatuses: init,
          conditions: ready === undefined ? [] : [{ type: 'Ready', status: ready }],
        },
      } as unknown as Pod;
      assert.equal(podStatusText(object), text);
    });
  }
});

describe('the other columns', () => {
  const cell = (name: string, pod: Partial<Pod>): unknown => {
    const object = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c' }] }, ...pod } as Pod;
    return podColumns.find((column) => column.name === name)?.value(object, Date.parse('2024-05-01T00:01:00Z'));
  };
  const restarted = (name: string, restartCount: number, rest: object = {}): object => ({
    name,
    restartCount,
    ...rest,
    lastState: restartCount > 0 ? { terminated: { finishedAt: '2024-05-01T00:00:00Z' } } : {},
  });
  const runs = { ready: true, started: true, state: { running: {} } };
  const initial = [{ name: 'i' }, { name: 's', restartPolicy: 'Always' }];
  const spec = { containers: [{ name: 'c' }], initContainers: initial };
  const done = { state: { terminated: { exitCode: 0 } } };
  const statuses = (init: object[], main: object[], conditions: object[] = []): object => ({
    spec,
    status: { phase: 'Running', initContainerStatuses: init, containerStatuses: main, conditions },
  });
  const beside = statuses([restarted('i', 4, done), restarted('s', 1, runs)], [restarted('c', 2, runs)]);
  const before = statuses([restarted('i', 4, { state: { running: {} } }), restarted('s', 0)], [restarted('c', 0)]);
  const crashed = statuses(
    [restarted('i', 0, done), restarted('s', 1, { state: { waiting: {} } })],
    [restarted('c', 0, runs)],
  );
  const gates = (conditions: object[]): object => ({
    spec: { containers: [], readinessGates: [{ conditionType: 'a' }, { conditionType: 'b' }] },
    status: { conditions },
  });
  const gated = {
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
    phase: 'Pending',
  };
  const cases: [title: string, column: string, pod: object, text: string][] = [
    ['a sidecar counts', 'Ready', beside, '2/2'],
    ['a sidecar that does not run', 'Ready', crashed, '0/2'],
    ['nothing yet', 'Ready', before, '0/2'],
    ['a sidecar runs on', 'Status', beside, 'Running'],
    ['a sidecar has not started', 'Status', crashed, 'Init:1/2'],
    ['behind a gate', 'Status', { status: gated }, 'SchedulingGated'],
    ['of what stays', 'Restarts', beside, '3 (60s ago)'],
    ['of what comes before', 'Restarts', before, '4 (60s ago)'],
    ['no readiness gates', 'Readiness Gates', {}, '<none>'],
    ['one of two readiness gates', 'Readiness Gates', gates([{ type: 'a', status: 'True' }]), '1/2'],
  ];
  for (const [title, column, pod, text] of cases)
    it(`${column}: ${title}`, () => assert.equal(cell(column, pod as Partial<Pod>), text));
});
