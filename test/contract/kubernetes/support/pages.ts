// Lists in pages, for the tests of them: many PodTemplates, and what each page
// of them must be.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
import assert from 'node:assert/strict';
import type { ListOf } from './api.ts';
import type { Cluster } from './conformance.ts';

export const total = 400;
const writersAtATime = 20;
const nameOf = (index: number): string => `template-${String(index).padStart(4, '0')}`;

/** Makes them; resolves with the path of their collection. */
export async function createTemplates(cluster: Cluster): Promise<string> {
  const path = cluster.path('podtemplates');
  let next = 0;
  const write = async (): Promise<void> => {
    for (; next < total; ) {
      const name = nameOf(next);
      next += 1;
      await cluster.create(path, {
        metadata: { name },
        template: { spec: { containers: [{ name: 'test', image: 'test2' }] } },
      });
    }
  };
  await Promise.all(Array.from({ length: writersAtATime }, write));
  return path;
}

export function pagePath(path: string, limit: number, token: string | undefined): string {
  return `${path}?limit=${limit}${token === undefined ? '' : `&continue=${encodeURIComponent(token)}`}`;
}

/** Checks a page that begins at an index; returns the index after it. */
export function checkPage({ metadata, items }: ListOf, from: number, limit: number): number {
  assert.ok(items.length <= limit);
  const next = from + items.length;
  const hasMore = metadata.continue !== undefined && metadata.continue !== '';
  assert.equal(metadata.remainingItemCount, hasMore ? total - next : undefined);
  assert.deepEqual(
    items.map((item) => item.metadata.name),
    items.map((_, index) => nameOf(from + index)),
  );
  return next;
}

/** Reads the pages from an index to the last, all of one resourceVersion. */
export async function readPages(
  cluster: Cluster,
  path: string,
  from = 0,
  token?: string,
  version?: string,
): Promise<void> {
  const limit = 17;
  let next = from;
  let resourceVersion = version;
  let rest = token;
  do {
    const page = await cluster.list(pagePath(path, limit, rest));
    resourceVersion ??= page.metadata.resourceVersion;
    assert.equal(page.metadata.resourceVersion, resourceVersion);
    assert.ok(page.items.length > 0);
    next = checkPage(page, next, limit);
    rest = page.metadata.continue;
  } while (rest !== undefined && rest !== '');
  assert.equal(next, total);
}
