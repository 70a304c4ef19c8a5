// What of a container's spec can't change while it runs. As in the kubelet
// since 1.31, only name and image: new defaults must restart nothing.
import { createHash } from 'node:crypto';
import type { Container } from '../../api/meta/kubernetes.ts';

export function containerHash(container: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([container.name, container.image]))
    .digest('hex')
    .slice(0, 12);
}
