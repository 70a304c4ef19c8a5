// metrics.k8s.io: what nodes and pods use, asked of the nodes when somebody
// wants to know it, so that nothing is sent while nobody does.
// https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/
import { nodeKind } from '../../api/kinds/node.ts';
import { podKind } from '../../api/kinds/pod.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { ApiError, hasReason, notFound } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { StreamTarget } from '../../api/wire/frames.ts';
import { maxNodeAnswerBytes, metricsMaxAgeMs, metricsWithinMs } from './limits.ts';
import { type ApiParts, kindOf, resourceNameOf } from './parts.ts';
import { parseSelection } from './selection.ts';
import { decodeStored, listPrefix } from './stored-object.ts';

type Usage = { cpuNanoCores: number; memoryBytes: number };
export type NodeUsage = { windowMs: number; node: Usage; containers: ({ podUid: string; name: string } & Usage)[] };
type Sample = { atMs: number; takenMs: number; usage: NodeUsage };

const apiVersion = 'metrics.k8s.io/v1beta1';
/** The newest sample of each node, by hub. */
const samples = new WeakMap<ApiParts['nodes'], Map<string, Sample>>();

function usageText({ cpuNanoCores, memoryBytes }: Usage): { cpu: string; memory: string } {
  return { cpu: `${cpuNanoCores}n`, memory: `${Math.ceil(memoryBytes / 1024)}Ki` };
}

/** What a node uses; undefined when it can't be asked. */
export async function sampleOf(
  parts: ApiParts,
  nodeName: string,
  maxAgeMs = metricsMaxAgeMs,
): Promise<Sample | undefined> {
  const known = samples.get(parts.nodes) ?? new Map<string, Sample>();
  samples.set(parts.nodes, known);
  const last = known.get(nodeName);
  if (last !== undefined && parts.clock.monotonicMs() - last.takenMs < maxAgeMs) return last;
  const usage = (await askNode(parts, nodeName, { kind: 'stats' }).catch(nothingWhenAway)) as NodeUsage | undefined;
  if (usage === undefined) return undefined;
  const sample = { atMs: parts.clock.nowMs(), takenMs: parts.clock.monotonicMs(), usage };
  known.set(nodeName, sample);
  return sample;
}

/** One node that can't be asked is no reason to tell nothing of the others. */
function nothingWhenAway(error: unknown): undefined {
  if (!hasReason(error, 'ServiceUnavailable') && !hasReason(error, 'InternalError')) throw error;
}

/** What a device tells of itself, in Prometheus' text format. @throws ApiError ServiceUnavailable, InternalError */
export async function deviceMetricsOf(parts: ApiParts, nodeName: string): Promise<string> {
  const { metrics } = (await askNode(parts, nodeName, { kind: 'stats', device: true })) as { metrics?: unknown };
  if (typeof metrics !== 'string')
    throw new ApiError('ServiceUnavailable', `the agent of node ${nodeName} is too old to tell this: update it`);
  return metrics;
}

/** A node's answer, in time. @throws ApiError ServiceUnavailable, InternalError */
async function askNode(parts: ApiParts, nodeName: string, target: StreamTarget & { kind: 'stats' }): Promise<object> {
  const stop = new AbortController();
  const cancelTimer = parts.clock.setTimer(metricsWithinMs, () => stop.abort());
  try {
    const stream = await parts.nodes.open(nodeName, target, stop.signal);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const { bytes } of stream.output()) {
      length += bytes.length;
      if (length > maxNodeAnswerBytes)
        throw new ApiError('InternalError', `node ${nodeName} tells more than ${maxNodeAnswerBytes} bytes of itself`);
      chunks.push(bytes);
    }
    if (chunks.length === 0) throw new ApiError('ServiceUnavailable', `node ${nodeName} does not answer in time`);
    return JSON.parse(Buffer.concat(chunks).toString()) as object;
  } finally {
    cancelTimer();
  }
}

function common(object: KubeObject, { atMs, usage }: Sample): object {
  const { name, namespace, labels } = object.metadata;
  const time = formatTime(atMs);
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
  };
  return {
    metadata: { ...metadata, creationTimestamp: time },
    timestamp: time,
    window: `${(usage.windowMs / 1000).toFixed(3)}s`,
  };
}

async function nodeMetrics(parts: ApiParts, node: KubeObject): Promise<object | undefined> {
  const sample = await sampleOf(parts, node.metadata.name);
  return sample && { kind: 'NodeMetrics', apiVersion, ...common(node, sample), usage: usageText(sample.usage.node) };
}

async function podMetrics(parts: ApiParts, pod: Pod): Promise<object | undefined> {
  const nodeName = pod.spec?.nodeName;
  const sample = nodeName ? await sampleOf(parts, nodeName) : undefined;
  if (sample === undefined) return undefined;
  const containers = sample.usage.containers
    .filter(({ podUid }) => podUid === pod.metadata.uid)
    .map(({ name, ...usage }) => ({ name, usage: usageText(usage) }));
  if (containers.length === 0) return undefined;
  return { kind: 'PodMetrics', apiVersion, ...common(pod, sample), containers };
}

/** GET of nodes and pods in metrics.k8s.io, one or all. @throws ApiError NotFound */
export async function readMetrics(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const source = kind.kind === 'NodeMetrics' ? nodeKind : podKind;
  const selection = parseSelection(operation, source);
  const { entries, revision } = await parts.store.list({ prefix: listPrefix(source, operation.namespace) });
  const objects = entries.map((entry) => decodeStored(source, entry)).filter(selection.matches);
  // One node is asked once, whoever of its pods comes first.
  const nodes = new Set(
    objects.map((object) => (source === nodeKind ? object.metadata.name : (object as Pod).spec?.nodeName)),
  );
  await Promise.all([...nodes].map((name) => (name ? sampleOf(parts, name) : undefined)));
  const found = await Promise.all(
    objects.map((object) => (source === nodeKind ? nodeMetrics(parts, object) : podMetrics(parts, object as Pod))),
  );
  const items = found.filter((item) => item !== undefined);
  if (operation.verb === 'list')
    return {
      code: 200,
      body: { kind: kind.listKind, apiVersion, metadata: { resourceVersion: String(revision) }, items },
    };
  if (items[0] === undefined) throw notFound(resourceNameOf(kind), operation.name ?? '');
  return { code: 200, body: items[0] };
}
