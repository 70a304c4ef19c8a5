// Requests that a server is easily brought down or deceived by, each with the
// refusal, or the harmless answer, that it has to get.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { startHub, type TestHub } from '../support/hub.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';

type Status = { reason: string; message: string };

describe('refuses', () => {
  const json = 'application/json';
  const cases: [
    title: string,
    method: string,
    path: string,
    type: string,
    body: unknown,
    code: number,
    says: RegExp,
  ][] = [
    [
      'a binding without a role',
      'POST',
      `${rbac}/namespaces/default/rolebindings`,
      json,
      { metadata: { name: 'nobody' } },
      422,
      /roleRef\.kind: Unsupported value: "".*roleRef\.name: Required value/s,
    ],
    [
      'a binding to a role of a kind that is none',
      'POST',
      `${rbac}/clusterrolebindings`,
      json,
      { metadata: { name: 'strange' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Rule', name: 'a' } },
      422,
      /roleRef\.kind: Unsupported value: "Rule"/,
    ],
    [
      'an endpoint without addresses',
      'POST',
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
      json,
      { metadata: { name: 'none' }, addressType: 'IPv4', endpoints: [{}] },
      422,
      /endpoints\[0\]\.addresses: Required value/,
    ],
    [
      'a selector without key and operator',
      'POST',
      '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies',
      json,
      { metadata: { name: 'none' }, spec: { podSelector: { matchExpressions: [{}] } } },
      422,
      /spec\.podSelector\.matchExpressions\[0\]\.key: Invalid value: ""/,
    ],
    [
      'a rule of HTTP without paths',
      'POST',
      '/apis/networking.k8s.io/v1/namespaces/default/ingresses',
      json,
      { metadata: { name: 'none' }, spec: { rules: [{ http: {} }] } },
      422,
      /spec\.rules\[0\]\.http\.paths: Required value/,
    ],
    [
      'the name of an address that is none',
      'POST',
      '/apis/networking.k8s.io/v1/ipaddresses',
      json,
      { metadata: { name: '..' }, spec: { parentRef: { resource: 'services', name: 'a' } } },
      422,
      /metadata\.name: Invalid value: "\.\.": must be a valid IP address in canonical form/,
    ],
    [
      'an applied kind that is no text',
      'PATCH',
      `${maps}/applied?fieldManager=test`,
      'application/apply-patch+yaml',
      { apiVersion: 'v1', kind: { toString: '.' }, metadata: { name: 'applied' } },
      400,
      /invalid object type: v1, Kind=\{"toString":"\."\}/,
    ],
    [
      'an applied name that is no text',
      'PATCH',
      `${maps}/applied?fieldManager=test`,
      'application/apply-patch+yaml',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: { toString: '.' } } },
      400,
      /the name of the object \(\{"toString":"\."\}\) does not match/,
    ],
    [
      'a bound pod whose name is no text',
      'POST',
      '/api/v1/namespaces/default/bindings',
      json,
      { metadata: { name: { toString: '.' } }, target: { name: 'node' } },
      400,
      /metadata\.name|name/,
    ],
  ];
  for (const [title, method, path, type, body, code, says] of cases)
    it(title, async () => {
      const answer = await hub.request(method, path, { body: JSON.stringify(body), headers: { 'content-type': type } });
      const { message } = JSON.parse(answer.text) as Status;
      assert.equal(answer.code, code, message);
      assert.match(message, says);
    });
});

it('keeps who owns what as it was when items of a list have no key', async () => {
  const { code, text } = await hub.request('POST', '/api/v1/namespaces/default/serviceaccounts', {
    body: JSON.stringify({ metadata: { name: 'keyless' }, secrets: [{ kind: 'Secret' }] }),
    headers: { 'user-agent': 'test/1.0' },
  });
  assert.equal(code, 201, text);
});

it('refuses a rule without verbs of who may not make rules of all kinds', async () => {
  const roles = `${rbac}/namespaces/default/roles`;
  await hub.request('POST', roles, {
    body: JSON.stringify({
      metadata: { name: 'role-writer' },
      rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] }],
    }),
  });
  await hub.request('POST', `${rbac}/namespaces/default/rolebindings`, {
    body: JSON.stringify({
      metadata: { name: 'role-writer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'role-writer' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'role-writer' }],
    }),
  });
  const { code, text } = await hub.request('POST', roles, {
    headers: { 'impersonate-user': 'role-writer' },
    body: JSON.stringify({ metadata: { name: 'no-verbs' }, rules: [{}] }),
  });
  assert.equal(code, 422, text);
  assert.match((JSON.parse(text) as Status).message, /rules\[0\]\.verbs: Required value/);
});

it('takes more grace than there is time for', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  const spec = { nodeName: 'away', containers: [{ name: 'a', image: 'a' }] };
  await hub.request('POST', pods, { body: JSON.stringify({ metadata: { name: 'patient' }, spec }) });
  const { code, text } = await hub.request('DELETE', `${pods}/patient?gracePeriodSeconds=${Number.MAX_SAFE_INTEGER}`);
  assert.equal(code, 200, text);
  const { metadata } = JSON.parse(text) as { metadata: { deletionGracePeriodSeconds: number } };
  assert.equal(metadata.deletionGracePeriodSeconds, 2 ** 31 - 1);
  const sooner = await hub.request('DELETE', `${pods}/patient?gracePeriodSeconds=60`);
  assert.equal(sooner.code, 200, sooner.text);
  assert.match(sooner.text, /"deletionGracePeriodSeconds":60\b/);
});

it('warns of fields with any characters in their names', async () => {
  const { code, headers } = await hub.request('POST', maps, {
    body: '{"metadata":{"name":"warned"},"a\\u007f\\u0001\\u00e4":1}',
  });
  assert.equal(code, 201);
  assert.match(String(headers.warning), /^299 - "unknown field \\"a\\u007f\\u0001/);
});

it('has no answer for objects of the cluster below a namespace, where rights of the namespace would count', async () => {
  await hub.request('POST', `${rbac}/namespaces/default/roles`, {
    body: JSON.stringify({
      metadata: { name: 'all' },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    }),
  });
  await hub.request('POST', `${rbac}/namespaces/default/rolebindings`, {
    body: JSON.stringify({
      metadata: { name: 'all' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'all' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'tenant' }],
    }),
  });
  const as = { headers: { 'impersonate-user': 'tenant' } };
  assert.equal((await hub.request('GET', maps, as)).code, 200);
  assert.equal((await hub.request('GET', '/api/v1/namespaces/default', as)).code, 200);
  assert.equal((await hub.request('GET', `${rbac}/clusterroles`, as)).code, 403);
  for (const path of [`${rbac}/namespaces/default/clusterroles`, '/api/v1/namespaces/default/nodes']) {
    assert.equal((await hub.request('GET', path, as)).code, 404, path);
    assert.equal((await hub.request('GET', `${path}/cluster-admin`, as)).code, 404, path);
    assert.equal((await hub.request('GET', `${path}?watch=1`, as)).code, 404, path);
    const body = JSON.stringify({ metadata: { name: 'planted' } });
    assert.equal((await hub.request('POST', path, { ...as, body })).code, 404, path);
  }
});

it('takes no name with a fragment for one without', async () => {
  assert.equal((await hub.request('DELETE', '/api/v1/namespaces/default#x/configmaps/a')).code, 404);
  assert.equal((await hub.request('DELETE', '/api/v1/namespaces/default#x')).code, 404);
  const { metadata } = await hub.get<{ metadata: { deletionTimestamp?: string } }>('/api/v1/namespaces/default');
  assert.equal(metadata.deletionTimestamp, undefined);
});

it('refuses a request line without a version, behind which headers could hide', async () => {
  const { hostname, port } = new URL(hub.httpsUrl);
  const socket = connect({ host: hostname, port: Number(port), ...hub.credentials() });
  await once(socket, 'secureConnect');
  socket.write(`GET ${maps}\r\nX-Injected: 1/. HTTP/1.1\r\nHost: hub\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  assert.match(answer.toString(), /^HTTP\/1\.1 400 /);
});

it('has logged no error', () => assert.deepEqual(hub.errors(), []));
