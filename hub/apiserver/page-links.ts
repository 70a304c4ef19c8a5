// Pages that come through the proxy: links to paths of the server become links
// to paths below the proxy, as Kubernetes rewrites them.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ApiError } from '../../api/meta/status.ts';
import { maxPageBytes } from './limits.ts';

const tags = /<[a-z][^>]*>/gi;
const links =
  /(\s(?:action|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap)=["']?)(\/(?!\/)[^"'\s>]*)/gi;

/** Whether an answer is a page that can be read here. */
export function isPage(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['content-encoding'] ?? '';
  return /^text\/html\s*(;|$)/i.test(headers['content-type'] ?? '') && (encoding === '' || encoding === 'gzip');
}

/** Reads a page with its links below `base`, in the encoding that it came in. @throws ApiError when it is too large */
export async function readPage(answer: IncomingMessage, base: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxPageBytes)
      throw new ApiError(
        'ServiceUnavailable',
        `the page is larger than ${maxPageBytes} bytes: its links can't be mended`,
      );
    chunks.push(chunk);
  }
  const isZipped = answer.headers['content-encoding'] === 'gzip';
  const body = Buffer.concat(chunks);
  const page = rewriteLinks((isZipped ? gunzipSync(body, { maxOutputLength: maxPageBytes }) : body).toString(), base);
  return isZipped ? gzipSync(page) : Buffer.from(page);
}

export function rewriteLinks(page: string, base: string): string {
  return page.replace(tags, (tag) =>
    tag.replace(links, (all, start: string, path: string) => (path.startsWith(base) ? all : `${start}${base}${path}`)),
  );
}
