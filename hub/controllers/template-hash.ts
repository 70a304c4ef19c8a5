// A short name for a pod template: equal templates give equal hashes.
import { createHash } from 'node:crypto';
import type { PodTemplate } from '../../api/meta/kubernetes.ts';
import { stableStringify } from '../../api/meta/object.ts';

// Kubernetes' alphabet for names made by machines: no vowels, no look-alikes.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const hashLength = 10;

export const podTemplateHashLabel = 'pod-template-hash';
export const revisionHashLabel = 'controller-revision-hash';

export function templateHash(template: PodTemplate | undefined): string {
  const digest = createHash('sha256')
    .update(stableStringify(withoutHash(template)))
    .digest();
  return Array.from(digest.subarray(0, hashLength), (byte) => alphabet[byte % alphabet.length]).join('');
}

function withoutHash(template: PodTemplate | undefined): PodTemplate | undefined {
  const labels = template?.metadata?.labels as Record<string, string> | undefined;
  if (labels?.[podTemplateHashLabel] === undefined) return template;
  const { [podTemplateHashLabel]: _, ...rest } = labels;
  return { ...template, metadata: { ...template?.metadata, labels: rest } } as PodTemplate;
}

/** A count or percentage of `total`, rounded up or down. */
export function resolveCount(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const share = (Number.parseInt(value, 10) * total) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}
