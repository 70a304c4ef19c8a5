// Jobs and their pods as tables of tests write them, and steps as text.

import type { Job, Pod } from '../../api/meta/kubernetes.ts';
import { formatTime } from '../../api/meta/time.ts';
import { trackingFinalizer } from '../../hub/controllers/job/counting.ts';
import { indexAnnotation } from '../../hub/controllers/job/indexes.ts';
import type { Step } from '../../hub/controllers/job/plan.ts';

export const nowMs = Date.parse('2024-05-01T12:00:00Z');
export const ago = (seconds: number): string => formatTime(nowMs - seconds * 1000);

export function job(spec: object, status: object = { startTime: ago(3600) }, metadata: object = {}): Job {
  return {
    metadata: { name: 'j', uid: 'job', ...metadata },
    spec: { backoffLimit: 6, ...spec },
    status,
  } as unknown as Job;
}

/** `NAME PHASE [INDEX] [flags]`; an ended pod ended a minute ago, or as long as `FLAG` says. */
export function pod(text: string, { endedSeconds = 60, restarts = 0 } = {}): Pod {
  const [name = '', phase, ...more] = text.split(' ');
  const index = more.find((word) => /^\d+$/.test(word));
  const finishedAt = ago(endedSeconds);
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: ago(3000),
      finalizers: more.includes('released') ? [] : [trackingFinalizer],
      ...(index === undefined ? {} : { annotations: { [indexAnnotation]: index } }),
      ...(more.includes('deleted') ? { deletionTimestamp: ago(1) } : {}),
    },
    spec: { nodeName: 'n' },
    status: {
      phase,
      containerStatuses: [
        { restartCount: restarts, state: phase === 'Running' ? { running: {} } : { terminated: { finishedAt } } },
      ],
    },
  } as unknown as Pod;
}

export const pods = (...texts: string[]): Pod[] => texts.map((text) => pod(text));

export function text(step: Step): string {
  switch (step.type) {
    case 'create':
      return `create ${step.places.map(({ index }) => index ?? '.').join(' ')}`;
    case 'delete-pod':
    case 'release':
      return `${step.type} ${step.pod.metadata.name}`;
    case 'wait':
      return `wait ${step.delayMs / 1000} s`;
    default:
      return step.type;
  }
}
