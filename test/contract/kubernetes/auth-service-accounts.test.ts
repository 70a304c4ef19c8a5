// ServiceAccounts, their tokens, where those are mounted, the certificate
// authority that each namespace is told, and reviews of what one may do.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { conformance } from './support/conformance.ts';
import { labelled } from './support/objects.ts';

type ServiceAccount = KubeObject & { automountServiceAccountToken?: boolean };
type ConfigMap = KubeObject & { data?: Record<string, string> };
type Pod = KubeObject & { spec: { containers: { volumeMounts?: { mountPath: string }[] }[] } };

conformance(
  '[sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]',
  async (cluster) => {
    const accounts = cluster.path('serviceaccounts');
    await cluster.create(accounts, { metadata: { name: 'mount' }, automountServiceAccountToken: true });
    await cluster.create(accounts, { metadata: { name: 'nomount' }, automountServiceAccountToken: false });
    // What a pod says wins over what its account says; neither says anything: mounted.
    const cases = [
      { account: 'default', pod: undefined, mounted: true },
      { account: 'mount', pod: undefined, mounted: true },
      { account: 'nomount', pod: undefined, mounted: false },
      ...['default', 'mount', 'nomount'].flatMap((account) => [
        { account, pod: true, mounted: true },
        { account, pod: false, mounted: false },
      ]),
    ];
    for (const { account, pod, mounted } of cases) {
      const created = await cluster.create<Pod>(cluster.path('pods'), {
        metadata: { name: `${account}-${pod}` },
        spec: {
          containers: [{ name: 'token-test', image: 'busybox' }],
          restartPolicy: 'Never',
          serviceAccountName: account,
          ...(pod === undefined ? {} : { automountServiceAccountToken: pod }),
        },
      });
      const mounts = created.spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
      assert.equal(
        mounts.some(({ mountPath }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount'),
        mounted,
        `the pod says ${pod}, its account is ${account}`,
      );
    }
  },
);

conformance(
  '[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]',
  async (cluster) => {
    await cluster.create(cluster.path('serviceaccounts'), { metadata: { name: 'bearer' } });
    // As typed clients send an empty request.
    const empty = { metadata: {}, spec: { audiences: null, expirationSeconds: null, boundObjectRef: null } };
    const path = cluster.path('serviceaccounts/bearer/token');
    const { status } = await cluster.create<{ status: { token: string } }>(path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      ...empty,
      status: { token: '', expirationTimestamp: null },
    });
    assert.notEqual(status.token, '');
    type Review = { status: { authenticated?: boolean; error?: string; user?: { username?: string } } };
    const review = await cluster.create<Review>('/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token: status.token },
    });
    assert.equal(review.status.authenticated, true);
    assert.equal(review.status.error ?? '', '');
    assert.equal(review.status.user?.username, `system:serviceaccount:${cluster.namespace}:bearer`);
  },
);

conformance(
  '[sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace [Conformance]',
  async (cluster) => {
    const path = cluster.path('configmaps/kube-root-ca.crt');
    const isFull = ({ data }: ConfigMap): boolean => (data?.['ca.crt'] ?? '') !== '';
    const made = await cluster.until<ConfigMap>(path, 'is made', isFull);
    assert.match(made.data?.['ca.crt'] ?? '', /^-----BEGIN CERTIFICATE-----\n/);
    await cluster.delete(path, { gracePeriodSeconds: 0 });
    await cluster.until<ConfigMap>(
      path,
      'is made again',
      (map) => isFull(map) && map.metadata.uid !== made.metadata.uid,
    );
    await cluster.update(path, { metadata: { name: 'kube-root-ca.crt' }, data: { 'ca.crt': '' } });
    const mended = await cluster.until<ConfigMap>(path, 'is mended', isFull);
    assert.deepEqual(mended.data, made.data);
  },
);

conformance(
  '[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]',
  async (cluster) => {
    const accounts = cluster.path('serviceaccounts');
    const selector = labelled('lifecycle', 'account');
    const created = await cluster.create(accounts, { metadata: { name: 'lived', labels: { lifecycle: 'account' } } });
    assert.equal((await cluster.get(`${accounts}/lived`)).metadata.uid, created.metadata.uid);
    const watch = await cluster.watch(`${accounts}?${selector}&timeoutSeconds=180`);
    await watch.next('ADDED');
    await cluster.patch(`${accounts}/lived`, { automountServiceAccountToken: false }, 'strategic');
    await watch.next('MODIFIED');
    const { items } = await cluster.list<ServiceAccount>(`/api/v1/serviceaccounts?${selector}`);
    assert.deepEqual(
      items.map(({ metadata, automountServiceAccountToken }) => [
        metadata.namespace,
        metadata.name,
        automountServiceAccountToken,
      ]),
      [[cluster.namespace, 'lived', false]],
    );
    await cluster.delete(accounts);
    await watch.next('DELETED');
  },
);

conformance('[sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]', async (cluster) => {
  const accounts = cluster.path('serviceaccounts');
  const created = await cluster.create<ServiceAccount>(accounts, {
    metadata: { name: 'changed' },
    automountServiceAccountToken: false,
  });
  assert.equal(created.automountServiceAccountToken, false);
  const updated = await cluster.change<ServiceAccount>(`${accounts}/changed`, (account) => {
    account.automountServiceAccountToken = true;
  });
  assert.equal(updated.automountServiceAccountToken, true);
});

conformance('[sig-auth] SubjectReview should support SubjectReview API operations [Conformance]', async (cluster) => {
  const { namespace } = cluster;
  const { metadata } = await cluster.create(cluster.path('serviceaccounts'), { metadata: { name: 'reviewed' } });
  const everyone = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  const user = `system:serviceaccount:${namespace}:reviewed`;
  // An account that was given nothing, and one that may do everything.
  for (const groups of [everyone, [...everyone, 'system:masters']]) {
    const subject = { user, groups, uid: metadata.uid ?? '' };
    const { code, text } = await cluster.as(subject).request('GET', cluster.path('configmaps'));
    assert.ok(code === 200 || code === 403, text);
    const resourceAttributes = { verb: 'list', resource: 'configmaps', namespace, version: 'v1' };
    const spec = { resourceAttributes, ...subject };
    const apiVersion = 'authorization.k8s.io/v1';
    type Review = { status: { allowed: boolean } };
    const review = await cluster.create<Review>(`/apis/${apiVersion}/subjectaccessreviews`, {
      apiVersion,
      kind: 'SubjectAccessReview',
      metadata: {},
      spec,
    });
    assert.equal(review.status.allowed, code === 200);
    const local = await cluster.create<Review>(cluster.path('localsubjectaccessreviews', apiVersion), {
      apiVersion,
      kind: 'LocalSubjectAccessReview',
      metadata: { namespace },
      spec,
    });
    assert.equal(local.status.allowed, code === 200);
  }
});
