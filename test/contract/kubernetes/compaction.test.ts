// A list in pages goes on after the version of its first page is compacted
// away, with a token that says so, at the version of then.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
import assert from 'node:assert/strict';
import type { Status } from './support/api.ts';
import { type Cluster, conformance, useHub } from './support/conformance.ts';
import { checkPage, createTemplates, pagePath, readPages, total } from './support/pages.ts';

// History is kept for one to two intervals. Kubernetes' own, of five minutes, would make this test take ten.
useHub({ args: ['--compaction-interval', '10s'] });

conformance(
  '[sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow] [Conformance]',
  async (cluster) => {
    const limit = total / 10;
    const path = await createTemplates(cluster);
    const first = await cluster.list(pagePath(path, limit, undefined));
    assert.equal(checkPage(first, 0, limit), limit);

    const expired = await untilExpired(cluster, pagePath(path, limit, first.metadata.continue));
    assert.equal(expired.reason, 'Expired');
    const inconsistent = expired.metadata.continue ?? '';
    assert.notEqual(inconsistent, '');
    const second = await cluster.list(pagePath(path, limit, inconsistent));
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.items.length, limit);
    assert.equal(checkPage(second, limit, limit), 2 * limit);
    await readPages(cluster, path, 2 * limit, second.metadata.continue, second.metadata.resourceVersion);
  },
);

type Expired = Status & { metadata: { continue?: string } };

/** Asks for a page until its version is gone, with a write between, without which there would be nothing to compact. */
async function untilExpired(cluster: Cluster, path: string): Promise<Expired> {
  const maps = cluster.path('configmaps');
  const maxAttempts = 100;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const { code, text, body } = await cluster.request<Expired>('GET', path);
    if (code === 410) return body;
    assert.equal(code, 200, text);
    await cluster.create(maps, { metadata: { generateName: 'write-' } });
    // Paces the attempts: answered, with nothing, when the second is over.
    await cluster.request('GET', `${maps}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone`);
  }
  throw new Error(`the token of the first page did not expire in ${maxAttempts} attempts`);
}
