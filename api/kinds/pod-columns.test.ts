// The STATUS column of pods, as kubectl users know it: the phase, or the most
// telling reason of a container.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../meta/kubernetes.ts';
import { podStatusText } from './pod.ts';

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
