// Runs the CronJob plan.
import { formatInZone } from '../../../api/kinds/cron-schedule.ts';
import type { CronJob, Job } from '../../../api/meta/kubernetes.ts';
import { cloneJson, controllerOf, controllerReference, type KubeObject } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { type EventType, targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { isNamespaceGone, isOwnedBy } from '../pods.ts';
import { planCronJob, type Step } from './plan.ts';

type Executors = { [T in Step['type']]: (cron: CronJob, step: Extract<Step, { type: T }>) => Promise<void> };
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

export class CronJobController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('cron-job', (key) => this.#reconcile(key), parts);
    parts.informers.for(resources.cronJobs);
    parts.informers.for(resources.jobs);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.cronJobs).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.jobs).subscribe(({ object, previous }) => {
      const job = object ?? previous;
      const owner = job === undefined ? undefined : controllerOf(job);
      if (owner?.kind === 'CronJob') this.#queue.add(`${job?.metadata.namespace}/${owner.name}`);
    });
    this.#queue.start(signal);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, clock } = this.#parts;
    const cron = informers.for(resources.cronJobs).get(key) as CronJob | undefined;
    if (cron === undefined) return;
    const jobs = informers.for(resources.jobs).all() as Job[];
    const own = jobs.filter((job) => isOwnedBy(job, cron));
    for (const step of planCronJob(cron, own, clock.nowMs())) {
      if (step.type === 'wait') this.#queue.addAfter(key, step.delayMs);
      else await (this.#executors[step.type] as (cron: CronJob, step: Step) => Promise<void>)(cron, step);
    }
  }

  #event(cron: CronJob, type: EventType, reason: string, message: string): void {
    this.#parts.events.record(targetOf(cron, 'batch/v1', 'CronJob'), type, reason, message);
  }

  #executors: Executors = {
    create: async (cron, { name, scheduledMs }) => {
      const template = cron.spec?.jobTemplate;
      const metadata = template?.metadata ?? {};
      const job = {
        metadata: {
          name,
          namespace: cron.metadata.namespace ?? '',
          labels: { ...(metadata.labels as Record<string, string> | undefined) },
          annotations: {
            ...(metadata.annotations as Record<string, string> | undefined),
            [scheduledAnnotation]: formatInZone(scheduledMs, cron.spec?.timeZone),
          },
          ownerReferences: [controllerReference(cron, 'batch/v1', 'CronJob')],
        },
        spec: cloneJson(template?.spec),
      };
      try {
        await this.#parts.client.create(resources.jobs, job);
        this.#event(cron, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
      } catch (error) {
        // Made before, by a process that was cut short.
        if (hasReason(error, 'AlreadyExists') || isNamespaceGone(error)) return;
        this.#event(cron, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
        throw error;
      }
    },
    delete: async (cron, { job }) => {
      try {
        await this.#parts.client.delete(resources.jobs, job.metadata, { propagationPolicy: 'Background' });
        this.#event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
      }
    },
    status: async (cron, { status }) => {
      await this.#parts.client.update(resources.cronJobs, { ...cron, status } as KubeObject, 'status');
    },
    event: async (cron, { isWarning, reason, message }) =>
      this.#event(cron, isWarning ? 'Warning' : 'Normal', reason, message),
    wait: async () => undefined,
  };
}
