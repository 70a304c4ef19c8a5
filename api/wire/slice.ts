// Hashes and digests of slices: how both sides know that they hold the same.
import { createHash } from 'node:crypto';
import { type KubeObject, stableStringify } from '../meta/object.ts';
import type { Manifest } from './frames.ts';

/** Hash of an object's content as it is in a slice. */
export function hashObject(object: KubeObject): string {
  return createHash('sha256').update(stableStringify(object)).digest('base64url').slice(0, 16);
}

/** Digest of a whole slice. */
export function digestOf(manifest: Manifest): string {
  const lines = Object.keys(manifest)
    .sort()
    .map((key) => `${key} ${manifest[key]}\n`);
  return createHash('sha256').update(lines.join('')).digest('base64url').slice(0, 22);
}

export type SliceDifference = { upserts: string[]; deletes: string[] };

/** What changes a slice from `from` to `to`. */
export function differenceOf(from: Manifest, to: Manifest): SliceDifference {
  return {
    upserts: Object.keys(to).filter((key) => from[key] !== to[key]),
    deletes: Object.keys(from).filter((key) => !(key in to)),
  };
}
