// Runs the Job plan.
import { isConditionTrue } from '../../../api/meta/conditions.ts';
import type { Job, Pod } from '../../../api/meta/kubernetes.ts';
import { controllerOf, type KubeObject } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { isNamespaceGone, isOwnedBy, podFromTemplate } from '../pods.ts';
import { isTracked, type JobStatus, trackingFinalizer } from './counting.ts';
import { failureCountAnnotation, ignoredCountAnnotation, indexAnnotation } from './indexes.ts';
import { type Place, planJob, type Step } from './plan.ts';

type Executors = { [T in Step['type']]: (job: Job, step: Extract<Step, { type: T }>) => Promise<void> };

export class JobController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('job', (key) => this.#reconcile(key), parts);
    parts.informers.for(resources.jobs);
    parts.informers.for(resources.pods);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.jobs).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.pods).subscribe(({ object, previous }) => {
      const pod = object ?? previous;
      const owner = pod === undefined ? undefined : controllerOf(pod);
      if (owner?.kind === 'Job') this.#queue.add(`${pod?.metadata.namespace}/${owner.name}`);
    });
    this.#queue.start(signal);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, clock } = this.#parts;
    const job = informers.for(resources.jobs).get(key) as Job | undefined;
    const pods = informers.for(resources.pods).all() as Pod[];
    if (job === undefined) return this.#releaseOrphans(key, pods);
    const own = pods.filter((pod) => isOwnedBy(pod, job));
    for (const step of planJob(job, own, clock.nowMs())) {
      if (step.type === 'wait') this.#queue.addAfter(key, step.delayMs);
      else await (this.#executors[step.type] as (job: Job, step: Step) => Promise<void>)(job, step);
    }
  }

  /** Pods whose job has gone are counted by nobody any more. */
  async #releaseOrphans(key: string, pods: readonly Pod[]): Promise<void> {
    const [namespace, name] = key.split('/');
    for (const pod of pods) {
      const owner = controllerOf(pod);
      if (owner?.kind === 'Job' && owner.name === name && pod.metadata.namespace === namespace && isTracked(pod))
        await this.#release(pod);
    }
  }

  async #release({ metadata }: KubeObject): Promise<void> {
    const finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== trackingFinalizer);
    try {
      await this.#parts.client.patch(resources.pods, metadata, 'merge', {
        // With its resourceVersion: a pod that ended meanwhile must be counted, finalizers of others must stay.
        metadata: { uid: metadata.uid, resourceVersion: metadata.resourceVersion, finalizers },
      });
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }

  /** Events of what a new status says that the old one did not. */
  #tell(job: Job, status: JobStatus): void {
    const target = targetOf(job, 'batch/v1', 'Job');
    for (const { type, status: value, reason = '', message = '' } of status.conditions ?? []) {
      const isTrue = value === 'True';
      if (isTrue === isConditionTrue(job.status?.conditions, type)) continue;
      if (type === 'Complete') this.#parts.events.record(target, 'Normal', 'Completed', 'Job completed');
      else if (type === 'Failed') this.#parts.events.record(target, 'Warning', reason, message);
      else if (type === 'Suspended')
        this.#parts.events.record(target, 'Normal', isTrue ? 'Suspended' : 'Resumed', message);
    }
  }

  #executors: Executors = {
    create: async (job, { places }) => {
      const template = job.spec?.template;
      if (template === undefined) return;
      const target = targetOf(job, 'batch/v1', 'Job');
      for (const place of places) {
        const pod = podFromTemplate(job, 'batch/v1', 'Job', template);
        pod.metadata.finalizers = [trackingFinalizer];
        setPlace(pod, job.metadata.name, place);
        try {
          const created = await this.#parts.client.create(resources.pods, pod);
          this.#parts.events.record(target, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
        } catch (error) {
          if (isNamespaceGone(error)) return;
          this.#parts.events.record(target, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
          throw error;
        }
      }
    },
    'delete-pod': async (job, { pod }) => {
      try {
        await this.#parts.client.delete(resources.pods, pod.metadata);
        const target = targetOf(job, 'batch/v1', 'Job');
        this.#parts.events.record(target, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
      }
    },
    release: (_job, { pod }) => this.#release(pod),
    status: async (job, { status }) => {
      const { metadata } = job;
      // With its resourceVersion: counts must not be written over newer ones.
      await this.#parts.client.update(resources.jobs, { ...job, metadata, status } as KubeObject, 'status');
      this.#tell(job, status);
    },
    'delete-job': async ({ metadata }) => {
      await this.#parts.client.delete(resources.jobs, metadata, { propagationPolicy: 'Foreground' });
    },
    wait: async () => undefined,
  };
}

/** An indexed job's pod knows its index by annotation, label, name and variable, and how often that has failed. */
function setPlace(pod: Pod, jobName: string, { index, failures }: Place): void {
  if (index === undefined) return;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [indexAnnotation]: String(index),
    ...(failures === undefined ? {} : { [failureCountAnnotation]: String(failures.counted) }),
    ...(failures === undefined || failures.ignored === 0 ? {} : { [ignoredCountAnnotation]: String(failures.ignored) }),
  };
  pod.metadata.labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
  pod.metadata.generateName = `${jobName.slice(0, 50)}-${index}-`;
  if (pod.spec === undefined) return;
  pod.spec.hostname = `${jobName}-${index}`.slice(0, 63);
  const variable = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${indexAnnotation}']` } },
  };
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])])
    container.env = [...(container.env ?? []).filter(({ name }) => name !== variable.name), variable];
}
