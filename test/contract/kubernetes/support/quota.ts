// ResourceQuotas for tests: one that limits a bit of everything, pods that
// nothing schedules, and waiting for what is used.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../../api/meta/object.ts';
import { parseQuantity } from '../../../../api/meta/quantity.ts';
import type { Cluster } from './conformance.ts';

export type Amounts = Record<string, string>;
export type Quota = KubeObject & { spec: { hard: Amounts }; status?: { hard?: Amounts; used?: Amounts } };

export const dongle = 'example.com/dongle';

/** Limits of objects, of what pods ask for, of an extended resource, and of a kind by its name. */
export const someOfEverything: Amounts = {
  pods: '5',
  services: '10',
  'services.nodeports': '1',
  'services.loadbalancers': '1',
  replicationcontrollers: '10',
  resourcequotas: '1',
  cpu: '1',
  memory: '500Mi',
  'ephemeral-storage': '50Gi',
  configmaps: '10',
  secrets: '10',
  persistentvolumeclaims: '10',
  'requests.storage': '10Gi',
  'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '10',
  'gold.storageclass.storage.k8s.io/requests.storage': '10Gi',
  'count/replicasets.apps': '5',
  [`requests.${dongle}`]: '3',
};

/** Makes a quota, and waits until its status says how much is used. */
export async function createQuota(
  cluster: Cluster,
  name: string,
  used: Amounts,
  spec: { hard?: Amounts; scopes?: string[] } = {},
): Promise<void> {
  await cluster.create(cluster.path('resourcequotas'), {
    metadata: { name },
    spec: { hard: someOfEverything, ...spec },
  });
  await untilUsed(cluster, name, used);
}

/** Waits until the status of a quota has all its limits, and these amounts as used. */
export async function untilUsed(cluster: Cluster, name: string, used: Amounts): Promise<void> {
  const quota = await cluster.until<Quota>(
    cluster.path(`resourcequotas/${name}`),
    `has used ${JSON.stringify(used)}`,
    ({ status }) => hasAmounts(status?.used, used),
  );
  assert.ok(hasAmounts(quota.status?.hard, quota.spec.hard), JSON.stringify(quota));
}

/** Whether these are all among the amounts, equal by value: `1` is `1000m`. */
export function hasAmounts(amounts: Amounts | undefined, wanted: Amounts): boolean {
  return Object.entries(wanted).every(([name, amount]) => {
    const found = amounts?.[name];
    return found !== undefined && parseQuantity(found) === parseQuantity(amount);
  });
}

/** A pod that fits no node, so that nothing but the quota deals with it. */
export function quotaPod(name: string, requests: Amounts = {}, limits: Amounts = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeSelector: { 'example.com/nowhere': 'true' },
      containers: [{ name: 'pause', image: 'pause:1', resources: { requests, limits } }],
      ...spec,
    },
  };
}

export async function deletePod(cluster: Cluster, name: string): Promise<void> {
  await cluster.delete(cluster.path(`pods/${name}`), { gracePeriodSeconds: 0 });
}

/** Creates what goes beyond a quota, which must be refused for that. */
export async function exceeds(cluster: Cluster, quota: string, resource: string, body: object): Promise<void> {
  const { message } = await cluster.refused(403, 'Forbidden', 'POST', cluster.path(resource), { body });
  assert.match(message, new RegExp(`exceeded quota: ${quota}, requested: .*, used: .*, limited: `));
}
