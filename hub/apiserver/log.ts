// GET pods/NAME/log: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#read-read-log-of-the-specified-pod
import { podKind } from '../../api/kinds/pod.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { badRequest } from '../../api/meta/status.ts';
import type { LogOptions } from './node-connector.ts';
import { type ApiParts, getEntry, nameOf } from './parts.ts';
import { decodeStored } from './stored-object.ts';
import { containerOfLog } from './subresources.ts';

function flag(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}

function wholeNumber(query: Record<string, string>, name: string): number | undefined {
  const text = query[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,12}$/.test(text))
    throw badRequest(`${name}: Invalid value: ${JSON.stringify(text)}: must be a whole number that is not negative`);
  return Number(text);
}

/** @throws ApiError */
export async function openLog(
  parts: ApiParts,
  operation: Operation,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const pod = decodeStored(podKind, await getEntry(parts, podKind, operation.namespace, nameOf(operation))) as Pod;
  const { query } = operation;
  const container = containerOfLog(pod, query.container);
  const nodeName = pod.spec?.nodeName;
  if (!nodeName) {
    const why = findCondition(pod.status?.conditions, 'PodScheduled')?.message ?? '';
    throw badRequest(
      `container "${container}" in pod "${pod.metadata.name}" is not running: the pod has no node yet${why === '' ? '' : `: ${why}`}`,
    );
  }
  const tailLines = wholeNumber(query, 'tailLines');
  const limitBytes = wholeNumber(query, 'limitBytes');
  const sinceSeconds = wholeNumber(query, 'sinceSeconds');
  const sinceTimeMs = query.sinceTime === undefined ? undefined : Date.parse(query.sinceTime);
  if (sinceTimeMs !== undefined && Number.isNaN(sinceTimeMs))
    throw badRequest('sinceTime: must be a time in RFC 3339 form');
  const sinceMs = sinceSeconds === undefined ? sinceTimeMs : parts.clock.nowMs() - sinceSeconds * 1000;
  const options: LogOptions = {
    container,
    follow: flag(query.follow),
    previous: flag(query.previous),
    timestamps: flag(query.timestamps),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
  const { name, namespace = '', uid = '' } = pod.metadata;
  return parts.nodes.logs({ namespace, name, uid, nodeName }, options, signal);
}
