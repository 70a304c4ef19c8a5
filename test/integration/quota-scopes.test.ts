// Scopes of ResourceQuotas with a real hub: what is counted, and who is kept out.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Api } from '../contract/kubernetes/support/api.ts';
import { type Amounts, hasAmounts, type Quota, quotaPod } from '../contract/kubernetes/support/quota.ts';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const api = new Api(hub);
after(async () => {
  api.close();
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const quotas = api.pathIn('default', 'resourcequotas');
const pods = api.pathIn('default', 'pods');

/** Makes a quota, and waits until it says what it has counted. */
async function limit(name: string, hard: Amounts, term: object): Promise<void> {
  await api.create(quotas, { metadata: { name }, spec: { hard, scopeSelector: { matchExpressions: [term] } } });
  await api.until<Quota>(`${quotas}/${name}`, 'has counted', ({ status }) => status?.used !== undefined);
}
const untilUsed = (name: string, used: Amounts): Promise<Quota> =>
  api.until<Quota>(`${quotas}/${name}`, `has used ${JSON.stringify(used)}`, ({ status }) =>
    hasAmounts(status?.used, used),
  );

describe('a quota', { timeout: 60_000 }, () => {
  it('keeps out pods that look at other namespaces', async () => {
    await limit('local', { pods: '0' }, { scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' });
    const affinityTo = (namespaces: string[]): object => {
      const term = { topologyKey: 'zone', labelSelector: {}, namespaces };
      return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
    };
    const { message } = await api.refused(403, 'Forbidden', 'POST', pods, {
      body: quotaPod('curious', {}, {}, affinityTo(['kube-system'])),
    });
    assert.equal(
      message,
      'pods "curious" is forbidden: exceeded quota: local, requested: pods=1, used: pods=0, limited: pods=0',
    );
    await api.create(pods, quotaPod('modest', {}, {}, affinityTo([])));
    await api.delete(`${quotas}/local`);
  });

  it('counts claims of a class, also of one that is asked for later', async () => {
    const hard = { persistentvolumeclaims: '2', 'requests.storage': '2Gi' };
    await limit('gold', hard, { scopeName: 'VolumeAttributesClass', operator: 'In', values: ['gold'] });
    const claims = api.pathIn('default', 'persistentvolumeclaims');
    const claim = (name: string, volumeAttributesClassName: string): object => ({
      metadata: { name },
      spec: { accessModes: ['ReadWriteOnce'], volumeAttributesClassName, resources: { requests: { storage: '1Gi' } } },
    });
    await api.create(claims, claim('first', 'gold'));
    await api.create(claims, claim('other', 'silver'));
    await untilUsed('gold', { persistentvolumeclaims: '1', 'requests.storage': '1Gi' });
    await api.patch(`${claims}/other/status`, { status: { currentVolumeAttributesClassName: 'gold' } });
    await untilUsed('gold', { persistentvolumeclaims: '2', 'requests.storage': '2Gi' });
    const { message } = await api.refused(403, 'Forbidden', 'POST', claims, { body: claim('third', 'gold') });
    assert.match(message, /exceeded quota: gold, requested: persistentvolumeclaims=1,requests\.storage=1Gi, used: /);
  });

  it('counts pods of a priority class', async () => {
    await api.create('/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'high' }, value: 1000 });
    await limit('high', { pods: '1' }, { scopeName: 'PriorityClass', operator: 'In', values: ['high'] });
    const high = { priorityClassName: 'high' };
    await api.create(pods, quotaPod('important', {}, {}, high));
    await untilUsed('high', { pods: '1' });
    await api.create(pods, quotaPod('ordinary'));
    await api.refused(403, 'Forbidden', 'POST', pods, { body: quotaPod('more', {}, {}, high) });
  });
});
