// The proxy subresource of nodes: what a kubelet serves there, as far as the
// hub knows it. Nothing connects to a device, so nothing else can be reached.
// https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/
import { nodeKind } from '../../api/kinds/node.ts';
import { podKind } from '../../api/kinds/pod.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { ApiError } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { deviceMetricsOf, type NodeUsage, sampleOf } from './metrics.ts';
import { type ApiParts, getEntry, nameOf } from './parts.ts';
import { decodeStored, listPrefix } from './stored-object.ts';

/** https://prometheus.io/docs/instrumenting/exposition_formats/#basic-info */
const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** `NAME[:PORT]`: a node has one server, whatever the port. */
function nodeNameOf(operation: Operation): string {
  return nameOf(operation).split(':')[0] ?? '';
}

/** GET nodes/NAME/proxy/PATH. @throws ApiError NotFound for other paths, ServiceUnavailable when the node is away */
export async function proxyNode(parts: ApiParts, operation: Operation): Promise<Reply> {
  const nodeName = nodeNameOf(operation);
  await getEntry(parts, nodeKind, undefined, nodeName);
  const path = operation.proxyPath ?? '/';
  if (operation.verb !== 'get' || !['/healthz', '/metrics', '/pods', '/stats/summary'].includes(path))
    throw new ApiError(
      'NotFound',
      `the node serves nothing at ${path}: healthz, metrics, pods and stats/summary are there`,
    );
  if (path === '/metrics')
    return { code: 200, body: await deviceMetricsOf(parts, nodeName), contentType: metricsContentType };
  // Asked anew: it also tells whether the node is there.
  const sample = await sampleOf(parts, nodeName, 0);
  if (sample === undefined)
    throw new ApiError(
      'ServiceUnavailable',
      `node ${nodeName} is not connected to the hub: it can be reached when it is back`,
    );
  if (path === '/healthz') return { code: 200, body: 'ok' };
  const { entries } = await parts.store.list({ prefix: listPrefix(podKind, undefined) });
  const pods = entries
    .map((entry) => decodeStored(podKind, entry) as Pod)
    .filter(({ spec }) => spec?.nodeName === nodeName);
  if (path === '/pods') return { code: 200, body: { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods } };
  return { code: 200, body: summaryOf(nodeName, pods, sample.usage, formatTime(sample.atMs)) };
}

/** https://kubernetes.io/docs/reference/instrumentation/node-metrics/ */
function summaryOf(nodeName: string, pods: readonly Pod[], usage: NodeUsage, time: string): object {
  const figures = ({ cpuNanoCores, memoryBytes }: NodeUsage['node']): object => ({
    cpu: { time, usageNanoCores: cpuNanoCores },
    memory: { time, workingSetBytes: memoryBytes },
  });
  return {
    node: { nodeName, ...figures(usage.node) },
    pods: pods.map(({ metadata: { name, namespace, uid } }) => ({
      podRef: { name, namespace, uid },
      containers: usage.containers
        .filter(({ podUid }) => podUid === uid)
        .map((container) => ({ name: container.name, ...figures(container) })),
    })),
  };
}
