// What the verbs of the API server are built from.
import { findResource } from '../../api/kinds/index.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { ApiError, notFound, type ResourceName } from '../../api/meta/status.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Tokens } from '../pki/token-signer.ts';
import { type Entry, type Store, StoreError } from '../store/store.ts';
import type { RoleIndex } from './access/role-index.ts';
import type { NodeConnector } from './node-connector.ts';
import { objectStoreKey } from './stored-object.ts';

export type ApiParts = {
  store: Store;
  clock: Clock;
  random: Random;
  log: Log;
  nodes: NodeConnector;
  tokens: Tokens;
  roles: RoleIndex;
};

export function resourceNameOf(kind: Kind): ResourceName {
  return { resource: kind.plural, group: kind.group };
}

/** @throws ApiError NotFound, as Kubernetes answers for paths that it does not serve */
export function kindOf(operation: Operation): Kind {
  const kind = findResource(operation.resource);
  if (kind === undefined)
    throw new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
  return kind;
}

/** @throws ApiError BadRequest when the path has no name */
export function nameOf(operation: Operation): string {
  if (operation.name === undefined || operation.name === '')
    throw new ApiError('BadRequest', 'the path must name the object');
  return operation.name;
}

/** @throws ApiError NotFound */
export async function getEntry(
  parts: ApiParts,
  kind: Kind,
  namespace: string | undefined,
  name: string,
): Promise<Entry> {
  const entry = await parts.store.get(objectStoreKey(kind, namespace, name));
  if (entry === undefined) throw notFound(resourceNameOf(kind), name);
  return entry;
}

/** Turns errors of the store into what clients understand; others pass. */
export function translateStoreError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  switch (error.code) {
    case 'compacted':
      return new ApiError(
        'Expired',
        `The resourceVersion for the provided watch or list is too old: ${error.message}`,
        { cause: error },
      );
    case 'future-revision':
      return new ApiError('Timeout', `Too large resource version: ${error.message}`, {
        details: { retryAfterSeconds: 1 },
        cause: error,
      });
    case 'no-space':
      // No time to try again: kubectl would wait it out ten times over without a word, and only people make room.
      return new ApiError('InsufficientStorage', `the hub's disk is full, nothing was written: ${error.message}`, {
        cause: error,
      });
    default:
      return new ApiError('ServiceUnavailable', `the store can't take writes now: ${error.message}`, {
        details: { retryAfterSeconds: 1 },
        cause: error,
      });
  }
}

/** Whether the request asks for a dry run. @throws ApiError for other values than `All` */
export function isDryRun(operation: Operation): boolean {
  const value = operation.query.dryRun;
  if (value === undefined || value === '') return false;
  if (value !== 'All') {
    throw new ApiError('Invalid', `dryRun: Unsupported value: ${JSON.stringify(value)}: supported values: "All"`);
  }
  return true;
}
