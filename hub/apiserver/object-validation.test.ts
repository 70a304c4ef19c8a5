// What is said of objects that are written, when they are new and when they are not.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { podKind } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { ApiError } from '../../api/meta/status.ts';
import { validateObject } from './object-validation.ts';

function podOf(restartPolicy: string, labels: Record<string, string> = {}, cpu = 'gpu'): KubeObject {
  const containers = [{ name: 'c', image: 'i:1', resources: { limits: { [cpu]: '1' } } }];
  const pod: KubeObject = {
    metadata: { name: 'p', namespace: 'default', labels },
    spec: { containers, restartPolicy },
  };
  podKind.applyDefaults?.(pod);
  return pod;
}

function errorsOf(work: () => void): string[] {
  try {
    work();
    return [];
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return (error.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
  }
}

const resource = (list: string): string =>
  `spec.containers[0].resources.${list}: Invalid value: "gpu": must be a standard resource type or fully qualified`;
const label =
  'metadata.labels: Invalid value: "a/b/c": a qualified name must consist of an optional DNS subdomain prefix and a name separated by "/"';

describe('what is wrong with an object', () => {
  it('is said when it is made', () =>
    assert.deepEqual(
      errorsOf(() => validateObject(podKind, podOf('Always'), 'creation')),
      ['limits', 'requests'].map(resource),
    ));

  it('is said when a change makes it so, and not when it was so', () => {
    const old = podOf('Always');
    const change = (next: KubeObject, isSubresource = false): string[] =>
      errorsOf(() => validateObject(podKind, next, { old, isSubresource }));
    assert.deepEqual(change(podOf('Always', { a: 'b' })), []);
    assert.deepEqual(change(podOf('Always', { a: 'b' }), true), []);
    assert.deepEqual(change(podOf('Always', { 'a/b/c': 'd' })), [label]);
  });

  it('is that what is fixed changes, but by a subresource', () => {
    const old = podOf('Always', {}, 'cpu');
    const next = podOf('Never', {}, 'cpu');
    const [error] = errorsOf(() => validateObject(podKind, next, { old, isSubresource: false }));
    assert.match(error ?? '', /^spec: Forbidden: pod updates may not change fields other than/);
    assert.deepEqual(
      errorsOf(() => validateObject(podKind, next, { old, isSubresource: true })),
      [],
    );
  });
});
