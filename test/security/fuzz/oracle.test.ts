// The judge judged: what it has to call a fault, and what it has to let pass.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Answer } from '../../support/http-connection.ts';
import type { Input } from './input.ts';
import { answerProblem } from './oracle.ts';
import { entryProblem } from './stored-keys.ts';

const asked: Input = {
  surface: 'path',
  identity: 'admin',
  method: 'GET',
  target: '/api/v1/namespaces/default/pods/base',
  headers: [],
};

function answer(code: number, body: object | string, headers: Record<string, string> = {}): Answer {
  const all = { 'content-type': 'application/json', ...headers };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { end: 'whole', code, headers: new Map(Object.entries(all)), body: Buffer.from(text), extraBytes: 0 };
}

function status(code: number, reason: string, rest: object = {}): Answer {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'text', reason, code };
  return answer(code, { ...body, ...rest });
}

it('lets answers pass that are right', () => {
  assert.equal(answerProblem(asked, answer(200, { kind: 'Pod' })), undefined);
  assert.equal(answerProblem(asked, status(404, 'NotFound')), undefined);
  const future = { ...asked, target: '/api/v1/pods?resourceVersion=99' };
  assert.equal(answerProblem(future, status(504, 'Timeout')), undefined);
  assert.equal(answerProblem({ ...asked, method: 'HEAD' }, answer(404, '')), undefined);
  assert.equal(answerProblem({ ...asked, target: '/a b' }, answer(400, 'Bad Request')), undefined);
});

it('tells faults of the server', () => {
  assert.match(answerProblem(asked, status(500, 'InternalError')) ?? '', /^server error 500/);
  assert.match(answerProblem(asked, status(504, 'Timeout')) ?? '', /^server error 504/);
  assert.match(answerProblem(asked, status(503, 'ServiceUnavailable')) ?? '', /^server error 503/);
  assert.match(answerProblem(asked, answer(404, 'not found')) ?? '', /^no Status/);
  assert.match(answerProblem(asked, status(404, 'NotFound', { code: 400 })) ?? '', /^no Status/);
  assert.match(answerProblem(asked, answer(200, '{"a":')) ?? '', /^no JSON/);
  assert.match(answerProblem(asked, { ...answer(200, ''), end: 'silent', code: 0 }) ?? '', /^no answer/);
  assert.match(answerProblem(asked, { ...answer(200, ''), end: 'closed', code: 0 }) ?? '', /^no answer/);
  assert.match(answerProblem(asked, { ...answer(200, {}), extraBytes: 3 }) ?? '', /^too much/);
});

it('tells paths and lists that lead elsewhere', () => {
  const dots = { ...asked, target: '/api/v1/namespaces/default/pods/%2E%2e' };
  assert.match(answerProblem(dots, answer(200, {})) ?? '', /^dot segment/);
  const list = { ...asked, target: '/api/v1/namespaces/default/pods?continue=x' };
  const items = [{ metadata: { name: 'a', namespace: 'default' } }, { metadata: { name: 'b', namespace: 'other' } }];
  assert.match(answerProblem(list, answer(200, { kind: 'PodList', items })) ?? '', /^wrong namespace/);
});

it('tells keys that no object may have', () => {
  const served: Record<string, boolean> = {
    'core/pods': true,
    'core/nodes': false,
    'rbac.authorization.k8s.io/roles': true,
  };
  const problemOf = (key: string, metadata: object): string | undefined =>
    entryProblem(
      { key, value: JSON.stringify({ metadata }), createRevision: 1, modRevision: 1 },
      (group, plural) => served[`${group}/${plural}`],
    );
  assert.equal(problemOf('/registry/core/pods/default/a', { name: 'a', namespace: 'default' }), undefined);
  assert.equal(problemOf('/registry/core/nodes/a.b', { name: 'a.b' }), undefined);
  assert.equal(
    problemOf('/registry/rbac.authorization.k8s.io/roles/default/a:B', { name: 'a:B', namespace: 'default' }),
    undefined,
  );
  for (const key of [
    '/registry/core/pods/default/a/b',
    '/registry/core/pods/default/../nodes/a',
    '/registry/core/pods/a',
    '/registry/core/nodes/default/a',
    '/registry/core/widgets/default/a',
    '/registry/core/pods/default/..',
    '/registry/core/pods/default/A',
    '/registry/core/pods/default/a\u0000',
    '/registry/core/pods/de fault/a',
    '/registry/rbac.authorization.k8s.io/roles/default/..',
    'elsewhere',
    `/registry/core/pods/default/${'a'.repeat(254)}`,
  ])
    assert.notEqual(problemOf(key, { name: key.split('/').at(-1), namespace: 'default' }), undefined, key);
  assert.match(
    problemOf('/registry/core/pods/default/a', { name: 'b', namespace: 'default' }) ?? '',
    /holds the object/,
  );
});
