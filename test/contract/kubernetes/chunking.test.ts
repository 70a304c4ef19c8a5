// Lists in pages: of one resourceVersion, in order, without gaps.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
import assert from 'node:assert/strict';
import { conformance } from './support/conformance.ts';
import { checkPage, createTemplates, pagePath, readPages, total } from './support/pages.ts';

conformance(
  '[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls [Conformance]',
  async (cluster) => {
    const path = await createTemplates(cluster);
    for (const _ of [1, 2, 3]) await readPages(cluster, path);
    const all = await cluster.list(pagePath(path, total + 1, undefined));
    assert.equal(checkPage(all, 0, total + 1), total);
  },
);
