// Counting a job's pods over crashes: whatever the order of steps, crashes and
// late news, each pod that ended is counted once. A small world plays the API
// server, the nodes and the controller's caches.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-tracking-with-finalizers
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Job, Pod } from '../../../api/meta/kubernetes.ts';
import { type JobStatus, trackingFinalizer } from './counting.ts';
import { isFinished, type Place, planJob, type Step } from './plan.ts';

const startMs = Date.parse('2024-05-01T12:00:00Z');
const hourMs = 3_600_000;
const maxRounds = 60;

/** What the controller has let go before it ended is on its way out, and not counted. */
const isHeld = (pod: Pod): boolean => (pod.metadata.finalizers ?? []).length > 0;

class World {
  job: Job;
  pods: Pod[] = [];
  nowMs = startMs;
  ended = { succeeded: 0, failed: 0 };
  #made = 0;
  #successes = new Set<string>();
  #known: { job: Job; pods: Pod[] };

  constructor(spec: object) {
    this.job = {
      metadata: { name: 'j', uid: 'job', resourceVersion: '1' },
      spec: { backoffLimit: 1_000_000, ...spec },
    } as unknown as Job;
    this.#known = { job: this.job, pods: this.pods };
  }

  hear(what: 'job' | 'pods' | 'all'): void {
    if (what !== 'pods') this.#known.job = this.job;
    if (what !== 'job') this.#known.pods = this.pods;
  }

  /** One round of the controller, cut off behind this many steps. Returns how many it did. */
  round(cutAfter = Number.POSITIVE_INFINITY): number {
    const { job, pods } = this.#known;
    const steps = planJob(job, pods, this.nowMs).filter(({ type }) => type !== 'wait' && type !== 'delete-job');
    const done = steps.slice(0, cutAfter);
    // A refused write ends the round.
    for (const step of done) if (!this.#execute(job, step)) break;
    // Whoever starts anew reads everything.
    if (done.length < steps.length) this.hear('all');
    this.check();
    return done.length;
  }

  #execute(seen: Job, step: Step): boolean {
    switch (step.type) {
      case 'create':
        for (const place of step.places) this.#create(place);
        return true;
      case 'delete-pod':
        this.delete(step.pod.metadata.uid);
        return true;
      case 'release':
        // With the pod's resourceVersion: who ended meanwhile is looked at anew.
        if (!this.pods.includes(step.pod)) return false;
        this.#change(step.pod.metadata.uid, (pod) => ({ ...pod, metadata: { ...pod.metadata, finalizers: [] } }));
        return true;
      case 'status':
        if (seen.metadata.resourceVersion !== this.job.metadata.resourceVersion) return false;
        this.setJob({ ...this.job, status: step.status });
        return true;
      default:
        return true;
    }
  }

  setJob(job: Job): void {
    const resourceVersion = String(Number(this.job.metadata.resourceVersion) + 1);
    this.job = { ...job, metadata: { ...job.metadata, resourceVersion } };
  }

  #create({ index }: Place): void {
    const uid = `pod-${this.#made++}`;
    const annotations = { 'batch.kubernetes.io/job-completion-index': String(index) };
    const metadata = { name: uid, uid, creationTimestamp: '2024-05-01T12:00:00Z', finalizers: [trackingFinalizer] };
    const pod = {
      metadata: index === undefined ? metadata : { ...metadata, annotations },
      status: { phase: 'Running' },
    };
    this.pods = [...this.pods, pod as Pod];
  }

  #change(uid: string | undefined, change: (pod: Pod) => Pod): void {
    const changed = this.pods.map((pod) => (pod.metadata.uid === uid ? change(pod) : pod));
    // Deleted, and nobody holds it.
    this.pods = changed.filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0,
    );
  }

  #running(choice: number): Pod | undefined {
    const running = this.pods.filter(
      ({ status, metadata }) => status?.phase === 'Running' && !metadata.deletionTimestamp,
    );
    return running[choice % Math.max(1, running.length)];
  }

  end(choice: number, phase: 'Succeeded' | 'Failed'): void {
    const pod = this.#running(choice);
    if (pod === undefined) return;
    // Late news may have made an index twice: its success is one.
    const key = Object.values(pod.metadata.annotations ?? {})[0] ?? pod.metadata.uid ?? '';
    if (phase === 'Failed' && isHeld(pod)) this.ended.failed += 1;
    if (phase === 'Succeeded' && isHeld(pod)) this.#successes.add(key);
    this.ended.succeeded = this.#successes.size;
    this.#change(pod.metadata.uid, (one) => ({ ...one, status: { ...one.status, phase } }) as Pod);
  }

  deleteOne(choice: number): void {
    const pod = this.#running(choice);
    if (pod === undefined) return;
    // Deleted before it ended: it has failed.
    if (isHeld(pod)) this.ended.failed += 1;
    this.delete(pod.metadata.uid);
  }

  delete(uid: string | undefined): void {
    this.#change(uid, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp: pod.metadata.deletionTimestamp ?? '2024-05-01T12:30:00Z' },
    }));
  }

  get status(): JobStatus {
    return this.job.status ?? {};
  }
  check(): void {
    const { succeeded = 0, failed = 0 } = this.status;
    assert.ok(succeeded <= this.ended.succeeded, `${succeeded} of ${this.ended.succeeded} successes counted`);
    assert.ok(failed <= this.ended.failed, `${failed} of ${this.ended.failed} failures counted`);
  }

  /** Nodes say of the pods that were deleted that they are gone. */
  #confirm(): void {
    for (const { metadata } of this.pods)
      if (metadata.deletionTimestamp !== undefined)
        this.#change(metadata.uid, (pod) => ({ ...pod, metadata: { ...pod.metadata, deletionGracePeriodSeconds: 0 } }));
  }

  /** Rounds with all news, until nothing is left to do. */
  settle(): void {
    for (let round = 0; round < maxRounds; round += 1) {
      this.#confirm();
      this.hear('all');
      this.nowMs += hourMs;
      if (this.round() === 0) return;
    }
    assert.fail(`the controller never comes to rest: ${JSON.stringify(this.status)}`);
  }
}

type Act = { type: 'round' | 'end' | 'fail' | 'delete' | 'hear-job' | 'hear-pods' | 'later'; number: number };
const acts = fc.array(
  fc.record({
    type: fc.constantFrom<Act['type']>(
      'round',
      'round',
      'end',
      'end',
      'fail',
      'delete',
      'hear-job',
      'hear-pods',
      'later',
    ),
    number: fc.nat(7),
  }),
  { maxLength: 60 },
);

function act(world: World, { type, number }: Act): void {
  if (type === 'round') world.round(number);
  else if (type === 'end') world.end(number, 'Succeeded');
  else if (type === 'fail') world.end(number, 'Failed');
  else if (type === 'delete') world.deleteOne(number);
  else if (type === 'hear-job') world.hear('job');
  else if (type === 'hear-pods') world.hear('pods');
  else world.nowMs += hourMs;
}

const counts = ({ succeeded = 0, failed = 0 }: JobStatus): object => ({ succeeded, failed });

describe('counting', () => {
  // Enough to do that the job's own end deletes no pod.
  for (const [title, spec] of [
    ['pods', { parallelism: 3, completions: 1000, backoffLimit: 1000 }],
    ['pods of an indexed job', { parallelism: 3, completions: 1000, backoffLimit: 1000, completionMode: 'Indexed' }],
    [
      'pods of indexes with limits of their own',
      { parallelism: 3, completions: 1000, completionMode: 'Indexed', backoffLimitPerIndex: 1000 },
    ],
    [
      'pods that are replaced when they have ended',
      { parallelism: 3, completions: 1000, backoffLimit: 1000, podReplacementPolicy: 'Failed' },
    ],
    ['pods that share a queue', { parallelism: 4, backoffLimit: 1000 }],
  ] as const) {
    it(`${title} once each, whatever comes between`, () => {
      fc.assert(
        fc.property(acts, (list) => {
          const world = new World(spec);
          for (const one of list) act(world, one);
          world.settle();
          const { uncountedTerminatedPods = {} } = world.status;
          assert.deepEqual(uncountedTerminatedPods, {});
          assert.deepEqual(counts(world.status), world.ended);
          const given = world.pods.filter((pod) => pod.status?.phase === 'Running' && !isHeld(pod));
          assert.deepEqual(given, [], 'a pod that was let go runs on');
        }),
        { numRuns: 300, seed: 1 },
      );
    });
  }

  it('a finished job has no pod left that waits to be counted', () => {
    fc.assert(
      fc.property(acts, fc.nat(3), fc.nat(3), (list, completions, backoffLimit) => {
        const world = new World({ parallelism: 2, completions: completions + 1, backoffLimit });
        for (const one of list) {
          if (!isFinished(world.job)) act(world, one);
          if (isFinished(world.job)) {
            assert.deepEqual(world.status.uncountedTerminatedPods ?? {}, {});
            assert.deepEqual(world.pods.filter(isHeld), []);
          }
        }
      }),
      { numRuns: 300, seed: 2 },
    );
  });
});

describe('pods that the controller itself takes away', () => {
  it('are no failures when the job is suspended', () => {
    const world = new World({ parallelism: 3, completions: 3, backoffLimit: 1 });
    world.round();
    world.setJob({ ...world.job, spec: { ...world.job.spec, suspend: true } } as Job);
    world.settle();
    assert.equal(world.pods.length, 0);
    assert.deepEqual(counts(world.status), { succeeded: 0, failed: 0 });
    world.setJob({ ...world.job, spec: { ...world.job.spec, suspend: false } } as Job);
    world.settle();
    assert.equal(world.pods.length, 3, 'it goes on');
  });

  it('are no failures when fewer may run', () => {
    const world = new World({ parallelism: 3, completions: 9, backoffLimit: 1 });
    world.round();
    world.setJob({ ...world.job, spec: { ...world.job.spec, parallelism: 1 } } as Job);
    world.settle();
    assert.equal(world.pods.length, 1);
    assert.deepEqual(counts(world.status), { succeeded: 0, failed: 0 });
  });

  it('do not change why the job failed', () => {
    const world = new World({ parallelism: 1, completions: 1, backoffLimit: 0, activeDeadlineSeconds: 60 });
    world.round();
    world.ended.failed = 1;
    world.settle();
    const condition = world.status.conditions?.find(({ type }) => type === 'Failed');
    assert.deepEqual([condition?.status, condition?.reason], ['True', 'DeadlineExceeded']);
  });
});
