// Job and CronJob (batch/v1).
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
import { findCondition, isConditionTrue } from '../meta/conditions.ts';
import type { CronJob, Job } from '../meta/kubernetes.ts';
import { formatSelector, matchesSelector } from '../meta/labels.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, notSupported, required } from '../meta/status.ts';
import { humanDuration, parseTime } from '../meta/time.ts';
import { ageColumn, ageOf, booleanAt, integerColumn, templateColumns, textAt, textColumn } from './columns.ts';
import { scheduleError } from './cron-schedule.ts';
import { jobSpecErrors, jobUpdateErrors } from './job-validation.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { defaultTemplate } from './pod-template.ts';
import { notNegative, oneOfAt, requiredAt } from './validation.ts';

type JobSpec = NonNullable<Job['spec']>;
const asJob = (object: KubeObject): Job => object as Job;
const asCronJob = (object: KubeObject): CronJob => object as CronJob;

/** Labels that tie pods to their job; the two short ones are from before the prefix came. */
const controllerUidLabel = 'batch.kubernetes.io/controller-uid';
const jobNameLabel = 'batch.kubernetes.io/job-name';

/** Conditions that a failure policy looks for are true unless it says otherwise. */
function defaultPatterns(spec: JsonObject): void {
  const policy = spec.podFailurePolicy as JobSpec['podFailurePolicy'] | undefined;
  // Go always writes the status, so that it may come in empty.
  for (const { onPodConditions = [] } of policy?.rules ?? [])
    for (const pattern of onPodConditions) pattern.status ||= 'True';
}

function defaultJobSpec(spec: JsonObject): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  setDefaults(spec, {
    parallelism: 1,
    backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : 2147483647,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed',
  });
  defaultPatterns(spec);
  defaultTemplate(spec);
}

/** Gives a new job the selector and labels by which it finds its pods. */
function generateSelector(object: KubeObject): void {
  const spec = specOf(object);
  if (spec.manualSelector === true || spec.selector !== undefined) return;
  const { uid = '', name } = object.metadata;
  spec.selector = { matchLabels: { [controllerUidLabel]: uid } };
  spec.template ??= {};
  const template = spec.template as { metadata?: { labels?: Record<string, string> } };
  template.metadata ??= {};
  template.metadata.labels = {
    ...template.metadata.labels,
    [controllerUidLabel]: uid,
    [jobNameLabel]: name,
    'controller-uid': uid,
    'job-name': name,
  };
}

function jobStatusText(job: Job): string {
  const conditions = job.status?.conditions ?? [];
  const isTrue = (type: string): boolean => isConditionTrue(conditions, type);
  if (isTrue('Complete')) return 'Complete';
  if (isTrue('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (isTrue('Suspended')) return 'Suspended';
  if (isTrue('FailureTarget')) return 'FailureTarget';
  return isTrue('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}

function completionsText({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText({ status }: Job, nowMs: number): string {
  if (status?.startTime === undefined) return '';
  const failed = findCondition(status.conditions, 'Failed');
  const end = status.completionTime ?? (failed?.status === 'True' ? failed.lastTransitionTime : undefined);
  return humanDuration((end === undefined ? nowMs : parseTime(end)) - parseTime(status.startTime));
}

export const jobKind: Kind = defineKind({
  group: 'batch',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  typeId: 'batch.v1.Job',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  applyDefaults: (object) => defaultJobSpec(specOf(object)),
  prepareCreate: (object) => {
    generateSelector(object);
    object.status = {};
  },
  validate: (object) => {
    const { spec } = asJob(object);
    const errors = jobSpecErrors(spec, 'spec');
    if (spec?.selector === undefined) errors.push(required('spec.selector'));
    else if (!matchesSelector(spec.selector, spec.template.metadata?.labels as Record<string, string> | undefined))
      errors.push(
        invalidValue(
          'spec.template.metadata.labels',
          spec.template.metadata?.labels ?? {},
          '`selector` does not match template `labels`',
        ),
      );
    return errors;
  },
  validateUpdate: jobUpdateErrors,
  selectableFields: (object) => ({ 'status.successful': String(asJob(object).status?.succeeded ?? 0) }),
  columns: [
    textColumn('Status', 'Status of the job.', (object) => jobStatusText(asJob(object))),
    textColumn('Completions', 'Pods that succeeded, of those wanted.', (object) => completionsText(asJob(object))),
    textColumn('Duration', 'Time that the job took.', (object, nowMs) => durationText(asJob(object), nowMs)),
    ageColumn,
    ...templateColumns,
    textColumn(
      'Selector',
      'Label selector for its pods.',
      (object) => formatSelector(asJob(object).spec?.selector) || '<none>',
      1,
    ),
  ],
});

/** The template of a CronJob's jobs, as an object whose spec the job's columns can read. */
function jobOf(object: KubeObject): KubeObject {
  const template = asCronJob(object).spec?.jobTemplate as JsonObject | undefined;
  return { metadata: object.metadata, spec: template?.spec };
}

/** A CronJob's jobs find their pods by what the server gives them. */
function selectorErrors({ selector, manualSelector }: Partial<JobSpec> = {}): FieldError[] {
  const at = 'spec.jobTemplate.spec';
  return [
    ...(selector === undefined ? [] : [invalidValue(`${at}.selector`, selector, '`selector` will be auto-generated')]),
    ...(manualSelector === true ? [notSupported(`${at}.manualSelector`, true, ['nil', 'false'])] : []),
  ];
}

/** Names of a CronJob's jobs append 11 characters to its own. */
const maxCronJobNameLength = 52;

export const cronJobKind: Kind = defineKind({
  group: 'batch',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  typeId: 'batch.v1.CronJob',
  nameError: (name) =>
    name.length > maxCronJobNameLength
      ? `must be no more than ${maxCronJobNameLength} characters`
      : dnsSubdomainError(name),
  hasGeneration: true,
  subresources: [statusSubresource],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    spec.jobTemplate ??= {};
    const template = spec.jobTemplate as JsonObject;
    setDefaults(template, { metadata: {}, spec: {} });
    // The template's own defaults, but nothing that only a job has.
    if (!isJsonObject(template.spec)) return;
    defaultPatterns(template.spec);
    defaultTemplate(template.spec);
  },
  validate: (object) => {
    const spec = asCronJob(object).spec;
    const errors = [
      ...requiredAt(object, 'spec.schedule'),
      ...oneOfAt(object, 'spec.concurrencyPolicy', ['Allow', 'Forbid', 'Replace']),
      ...notNegative(
        object,
        'spec.startingDeadlineSeconds',
        'spec.successfulJobsHistoryLimit',
        'spec.failedJobsHistoryLimit',
      ),
      ...jobSpecErrors(spec?.jobTemplate.spec, 'spec.jobTemplate.spec'),
      ...selectorErrors(spec?.jobTemplate.spec),
    ];
    const problem = spec?.schedule ? scheduleError(spec.schedule, spec.timeZone) : undefined;
    if (problem !== undefined) errors.push(invalidValue(`spec.${problem.field}`, problem.value, problem.message));
    return errors;
  },
  columns: [
    textAt('Schedule', 'spec.schedule', 'When jobs are made, in Cron format.'),
    textAt('Timezone', 'spec.timeZone', 'Time zone of the schedule.', { missing: '<none>' }),
    booleanAt('Suspend', 'spec.suspend', 'Whether no jobs are made for now.'),
    integerColumn('Active', 'Jobs that run.', (object) => asCronJob(object).status?.active?.length ?? 0),
    textColumn('Last Schedule', 'When a job was made last.', (object, nowMs) => {
      const last = asCronJob(object).status?.lastScheduleTime;
      return last === undefined ? '<none>' : ageOf(last, nowMs);
    }),
    ageColumn,
    ...templateColumns.map((column) => ({
      ...column,
      value: (object: KubeObject, nowMs: number) => column.value(jobOf(object), nowMs),
    })),
    textColumn(
      'Selector',
      'Label selector for its pods.',
      (object) => formatSelector(asJob(jobOf(object)).spec?.selector) || '<none>',
      1,
    ),
  ],
});
