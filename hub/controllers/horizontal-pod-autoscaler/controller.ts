// Runs the HorizontalPodAutoscaler plan: every 15 s each autoscaler looks at
// its target's scale and what its pods use, which the metrics API asks of the
// nodes, and sets the scale.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
import { kinds } from '../../../api/kinds/index.ts';
import type { ResourceId } from '../../../api/kinds/kind.ts';
import type { HorizontalPodAutoscaler, Pod } from '../../../api/meta/kubernetes.ts';
import { matchesRequirements, parseLabelSelector } from '../../../api/meta/labels.ts';
import { jsonEqual, type KubeObject } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import { formatTime } from '../../../api/meta/time.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { type EventType, targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { emptyHistory, type History } from './behavior.ts';
import { usagesOf } from './metrics.ts';
import { type AutoscalerStatus, type Plan, planAutoscaler, withCondition } from './plan.ts';

/** Kubernetes' --horizontal-pod-autoscaler-sync-period, ms. */
const syncPeriodMs = 15_000;

type Scale = KubeObject & { spec?: { replicas?: number }; status?: { selector?: string } };

export class HorizontalPodAutoscalerController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;
  /** By uid. Lost with the process: then what there is counts as asked for. */
  #histories = new Map<string, History>();

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('horizontal-pod-autoscaler', (key) => this.#reconcile(key), parts);
    parts.informers.for(resources.autoscalers);
    parts.informers.for(resources.pods);
  }

  start(signal: AbortSignal): void {
    this.#parts.informers.for(resources.autoscalers).subscribe(({ key, object, previous }) => {
      if (object === undefined) this.#histories.delete(previous?.metadata.uid ?? '');
      // Its own status is no reason to look again before the time comes.
      else if (!jsonEqual(object.spec, previous?.spec)) this.#queue.add(key);
    });
    this.#queue.start(signal);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, clock } = this.#parts;
    const autoscaler = informers.for(resources.autoscalers).get(key) as HorizontalPodAutoscaler | undefined;
    if (autoscaler === undefined || autoscaler.metadata.deletionTimestamp !== undefined) return;
    this.#queue.addAfter(key, syncPeriodMs);
    const target = await this.#scaleOf(autoscaler);
    if (target === undefined) return;
    const { resource, scale } = target;
    const selector = scale.status?.selector ?? '';
    const plan = planAutoscaler(autoscaler, {
      replicas: scale.spec?.replicas ?? 0,
      hasSelector: selector !== '',
      ...(await this.#podsOf(autoscaler, selector)),
      history: this.#histories.get(autoscaler.metadata.uid ?? '') ?? emptyHistory,
      nowMs: clock.nowMs(),
      atMs: clock.monotonicMs(),
    });
    for (const { reason, message } of plan.warnings) this.#event(autoscaler, 'Warning', reason, message);
    await this.#rescale(autoscaler, resource, scale, plan);
  }

  #event(autoscaler: HorizontalPodAutoscaler, type: EventType, reason: string, message: string): void {
    const target = targetOf(autoscaler, 'autoscaling/v2', 'HorizontalPodAutoscaler');
    this.#parts.events.record(target, type, reason, message);
  }

  /** The scale of what the autoscaler points at; undefined, and said so, when it can't be read. */
  async #scaleOf(autoscaler: HorizontalPodAutoscaler): Promise<{ resource: ResourceId; scale: Scale } | undefined> {
    const { apiVersion = '', kind = '', name = '' } = autoscaler.spec?.scaleTargetRef ?? {};
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
    const found = kinds.find(
      (candidate) =>
        candidate.kind === kind &&
        candidate.group === group &&
        candidate.subresources.some((subresource) => subresource.name === 'scale'),
    );
    try {
      if (found === undefined)
        throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
      const resource = { group: found.group, version: found.version, resource: found.plural };
      const { namespace } = autoscaler.metadata;
      return { resource, scale: (await this.#parts.client.get(resource, { name, namespace }, 'scale')) as Scale };
    } catch (error) {
      const { message } = error as Error;
      this.#event(autoscaler, 'Warning', 'FailedGetScale', message);
      const why = [
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${message}`,
      ] as const;
      const status = autoscaler.status ?? ({ desiredReplicas: 0, currentMetrics: null } as unknown as AutoscalerStatus);
      await this.#writeStatus(autoscaler, withCondition(status, 'AbleToScale', false, why, this.#parts.clock.nowMs()));
      return undefined;
    }
  }

  /** The pods of the target, and what they use. */
  async #podsOf(
    { metadata }: HorizontalPodAutoscaler,
    selector: string,
  ): Promise<{ pods: Pod[]; usages: ReturnType<typeof usagesOf> }> {
    if (selector === '') return { pods: [], usages: new Map() };
    const { namespace = '' } = metadata;
    const requirements = parseLabelSelector(selector);
    const pods = (this.#parts.informers.for(resources.pods).all() as Pod[]).filter(
      (pod) => pod.metadata.namespace === namespace && matchesRequirements(requirements, pod.metadata.labels),
    );
    const { items } = await this.#parts.client.list(resources.podMetrics, { namespace, labelSelector: selector });
    return { pods, usages: usagesOf(items) };
  }

  async #rescale(autoscaler: HorizontalPodAutoscaler, resource: ResourceId, scale: Scale, plan: Plan): Promise<void> {
    const { client, clock } = this.#parts;
    const { uid = '' } = autoscaler.metadata;
    let { status, history } = plan;
    const { rescale } = plan;
    this.#histories.set(uid, history);
    if (rescale === undefined) return this.#writeStatus(autoscaler, status);
    const { replicas, reason } = rescale;
    const nowMs = clock.nowMs();
    try {
      await client.update(resource, { ...scale, spec: { replicas } }, 'scale');
    } catch (error) {
      const { message } = error as Error;
      this.#event(
        autoscaler,
        'Warning',
        'FailedRescale',
        `New size: ${replicas}; reason: ${reason}; error: ${message}`,
      );
      const why = [
        'FailedUpdateScale',
        `the HPA controller was unable to update the target scale: ${message}`,
      ] as const;
      status = withCondition(
        { ...status, desiredReplicas: scale.spec?.replicas ?? 0 },
        'AbleToScale',
        false,
        why,
        nowMs,
      );
      await this.#writeStatus(autoscaler, status);
      throw error;
    }
    this.#event(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${reason}`);
    const change = { atMs: clock.monotonicMs(), difference: replicas - (scale.spec?.replicas ?? 0) };
    history = { ...history, changes: [...history.changes, change] };
    this.#histories.set(uid, history);
    const done = ['SucceededRescale', `the HPA controller was able to update the target scale to ${replicas}`] as const;
    status = withCondition({ ...status, desiredReplicas: replicas }, 'AbleToScale', true, done, nowMs);
    await this.#writeStatus(autoscaler, { ...status, lastScaleTime: formatTime(nowMs) } as AutoscalerStatus);
  }

  async #writeStatus(autoscaler: HorizontalPodAutoscaler, status: AutoscalerStatus): Promise<void> {
    if (jsonEqual(status, autoscaler.status)) return;
    try {
      await this.#parts.client.update(resources.autoscalers, { ...autoscaler, status } as KubeObject, 'status');
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }
}
