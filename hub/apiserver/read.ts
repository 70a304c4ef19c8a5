// The verbs get and list.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { ApiError, badRequest } from '../../api/meta/status.ts';
import { type Entry, type ListResult, StoreError } from '../store/store.ts';
import { maxPageItems } from './limits.ts';
import { type ApiParts, getEntry, kindOf, nameOf } from './parts.ts';
import { parseSelection } from './selection.ts';
import { decodeStored, listPrefix, objectStoreKey, servedText } from './stored-object.ts';

/** Stands in continue tokens for whatever revision is the newest. */
const newest = -1;

export async function get(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const entry = await getEntry(parts, kind, operation.namespace, nameOf(operation));
  return { code: 200, body: servedText(kind, entry.value, entry.modRevision) };
}

export async function list(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const page = await readPage(parts, operation, kind);
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.continueToken === undefined ? {} : { continue: page.continueToken }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
  const items = page.entries.map((entry) => servedText(kind, entry.value, entry.modRevision)).join(',');
  return {
    code: 200,
    body: `{"kind":"${kind.listKind}","apiVersion":"${apiVersionOf(kind)}","metadata":${JSON.stringify(metadata)},"items":[${items}]}`,
  };
}

export type Page = {
  entries: Entry[];
  revision: number;
  continueToken: string | undefined;
  remaining: number | undefined;
};

/** The entries that a list (or deletecollection) is about. @throws ApiError BadRequest, Expired */
export async function readPage(parts: ApiParts, operation: Operation, kind: Kind): Promise<Page> {
  requireNotFuture(parts, operation);
  const limit = parseLimit(operation.query.limit);
  const token = parseContinue(operation.query.continue);
  const selection = parseSelection(operation, kind);
  const revision = token === undefined ? exactRevision(operation) : token.revision;
  const prefix = listPrefix(kind, operation.namespace);
  const options = {
    prefix,
    ...(revision === undefined ? {} : { revision }),
    ...(token === undefined ? {} : { after: token.after }),
  };
  if (
    selection.onlyName !== undefined &&
    token === undefined &&
    (operation.namespace !== undefined || !kind.namespaced)
  ) {
    return readOne(parts, kind, operation.namespace, selection.onlyName);
  }
  const result: ListResult = await parts.store
    .list(selection.all && limit !== undefined ? { ...options, limit } : options)
    .catch((error: unknown) => {
      throw token === undefined ? error : expired(error, token.after);
    });
  let { entries, remaining } = result;
  if (!selection.all) {
    const selected = entries.filter((entry) => selection.matches(decodeStored(kind, entry)));
    entries = limit === undefined ? selected : selected.slice(0, limit);
    remaining = selected.length - entries.length;
  }
  const last = entries.at(-1);
  const hasMore = remaining > 0 && last !== undefined;
  return {
    entries,
    revision: result.revision,
    continueToken: hasMore ? formatContinue({ revision: result.revision, after: last.key }) : undefined,
    remaining: hasMore && selection.all ? remaining : undefined,
  };
}

async function readOne(parts: ApiParts, kind: Kind, namespace: string | undefined, name: string): Promise<Page> {
  const revision = parts.store.revision();
  const entry = await parts.store.get(objectStoreKey(kind, namespace, name));
  return { entries: entry === undefined ? [] : [entry], revision, continueToken: undefined, remaining: undefined };
}

/** A client that has seen more than this store holds (restored from a backup, say) must not be given the past. */
function requireNotFuture({ store }: ApiParts, { query }: Operation): void {
  if (query.resourceVersion === undefined || query.resourceVersion === '') return;
  const asked = parseRevision(query.resourceVersion);
  if (asked <= store.revision()) return;
  throw new ApiError('Timeout', `Too large resource version: ${asked}, current: ${store.revision()}`, {
    details: { retryAfterSeconds: 1 },
  });
}

/** The revision to read at, when the client asks for exactly that one. */
function exactRevision({ query }: Operation): number | undefined {
  if (query.resourceVersionMatch === undefined || query.resourceVersionMatch === 'NotOlderThan') return undefined;
  if (query.resourceVersionMatch !== 'Exact')
    throw badRequest(
      `resourceVersionMatch: Unsupported value: "${query.resourceVersionMatch}": supported values: "Exact", "NotOlderThan"`,
    );
  return parseRevision(query.resourceVersion);
}

/** @throws ApiError BadRequest */
export function parseRevision(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text))
    throw badRequest(
      `resourceVersion: Invalid value: ${JSON.stringify(text ?? '')}: must be a number that the server gave`,
    );
  return Number(text);
}

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  if (!/^\d{1,10}$/.test(text))
    throw badRequest(`limit: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  return Math.min(Number(text), maxPageItems);
}

/** Without a revision the list goes on with what is there now. */
type ContinueToken = { revision: number | undefined; after: string };

function formatContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ rv: token.revision ?? newest, after: token.after })).toString('base64url');
}

/**
 * What is said of a page whose revision is compacted away, with a token that goes on from its last key.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
 */
function expired(error: unknown, after: string): unknown {
  if (!(error instanceof StoreError) || error.code !== 'compacted') return error;
  return new ApiError(
    'Expired',
    'The provided continue parameter is too old for a consistent list: start a new list without it, or go on with the token of this answer, which shows what is there now',
    { cause: error, continueToken: formatContinue({ revision: undefined, after }) },
  );
}

function parseContinue(text: string | undefined): ContinueToken | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const { rv, after } = JSON.parse(Buffer.from(text, 'base64url').toString()) as { rv: unknown; after: unknown };
    if (typeof rv === 'number' && Number.isSafeInteger(rv) && rv >= newest && typeof after === 'string')
      return { revision: rv === newest ? undefined : rv, after };
  } catch {
    // falls through to the one error below
  }
  throw new ApiError('BadRequest', 'continue key is not valid: it must be the token of the previous page');
}
