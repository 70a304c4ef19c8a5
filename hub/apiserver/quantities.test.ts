// Quantities are stored and served in their canonical form, whichever way they come.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseBody } from '../../api/codec/body.ts';
import { encodeEnvelope } from '../../api/codec/protobuf-encode.ts';
import { podKind } from '../../api/kinds/pod.ts';
import { persistentVolumeClaimKind } from '../../api/kinds/volumes.ts';
import type { JsonObject, KubeObject } from '../../api/meta/object.ts';
import { InProcessApi } from '../../test/support/in-process-api.ts';
import { resources } from '../client/resources.ts';
import { encodeStored, objectStoreKey } from './stored-object.ts';

let stop: AbortController;
let api: InProcessApi;

beforeEach(async () => {
  stop = new AbortController();
  api = await InProcessApi.start(stop.signal);
});
afterEach(() => stop.abort());

type Stored = KubeObject & { spec: { resources: { requests: Record<string, string> } } };

function claimOf(storage: string, labels: object = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'c', labels },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  };
}

const storageOf = (object: KubeObject): unknown => (object as Stored).spec.resources.requests.storage;
const stored = async (): Promise<unknown> => storageOf(await api.request(resources.claims, { verb: 'get', name: 'c' }));

describe('a body', () => {
  const bodies: [mediaType: string, bytes: Uint8Array][] = [
    ['application/json', Buffer.from(JSON.stringify(claimOf('1024Mi')))],
    ['application/yaml', Buffer.from(JSON.stringify(claimOf('1024Mi')).replace('"1024Mi"', '1024Mi'))],
    ['application/vnd.kubernetes.protobuf', encodeEnvelope(claimOf('1024Mi'), persistentVolumeClaimKind.typeId)],
  ];
  for (const [type, bytes] of bodies) {
    it(`of ${type}`, async () => {
      const body = parseBody(bytes, type, () => persistentVolumeClaimKind.typeId);
      assert.equal(storageOf(await api.create(resources.claims, body as object)), '1Gi');
      assert.equal(await stored(), '1Gi');
    });
  }
});

describe('a change', () => {
  const spec = { resources: { requests: { storage: '1024Mi' } } };
  const path = '/spec/resources/requests/storage';
  const changes: [title: string, change: () => Promise<unknown>][] = [
    ['of a whole object', () => api.request(resources.claims, { verb: 'update', name: 'c', body: claimOf('1024Mi') })],
    ['by JSON patch', () => api.patch(resources.claims, 'c', 'json', [{ op: 'replace', path, value: '1024Mi' }])],
    ['by merge patch', () => api.patch(resources.claims, 'c', 'merge', { spec })],
    ['by strategic merge patch', () => api.patch(resources.claims, 'c', 'strategic', { spec })],
    [
      'by server-side apply',
      () => api.patch(resources.claims, 'c', 'apply', claimOf('1024Mi'), { fieldManager: 'm', force: 'true' }),
    ],
  ];
  for (const [title, change] of changes) {
    it(title, async () => {
      await api.create(resources.claims, claimOf('1Gi', { a: 'b' }));
      await change();
      assert.equal(await stored(), '1Gi');
    });
  }

  it('of what an older hub stored as it came is none of what is immutable', async () => {
    const pod = {
      metadata: { name: 'p', namespace: 'default', uid: 'u' },
      spec: {
        restartPolicy: 'Always',
        containers: [{ name: 'c', image: 'i:1', resources: { limits: { cpu: '0.5' } } }],
      },
    };
    podKind.applyDefaults?.(pod);
    await api.store.write({ key: objectStoreKey(podKind, 'default', 'p'), value: encodeStored(podKind, pod) });
    const changed = await api.patch(resources.pods, 'p', 'merge', { metadata: { labels: { a: 'b' } } });
    assert.match(JSON.stringify(changed), /"limits":\{"cpu":"500m"\}/);
  });
});

describe('server-side apply', () => {
  const apply = (storage: string, fieldManager: string): Promise<KubeObject> =>
    api.patch(resources.claims, 'c', 'apply', claimOf(storage, { a: 'b' }), { fieldManager });

  it('of the same amount in other words is no change', async () => {
    const first = await apply('1.5Gi', 'one');
    assert.equal(storageOf(first), '1536Mi');
    for (const words of ['1.5Gi', '1536Mi', '1572864Ki']) assert.deepEqual(await apply(words, 'one'), first);
  });

  it('of what is served is no conflict', async () => {
    await apply('1.5Gi', 'one');
    assert.equal(storageOf(await apply('1536Mi', 'two')), '1536Mi');
  });
});
