// Join tokens, kept as Kubernetes' bootstrap token Secrets in kube-system.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../api/meta/kubernetes.ts';
import { hasReason } from '../../api/meta/status.ts';
import { parseTime } from '../../api/meta/time.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Client } from '../client/client.ts';
import { resources } from '../client/resources.ts';
import type { JoinGrant } from './join.ts';

/** What a token's id and secret allow; undefined when they are wrong or expired. */
export async function checkJoinToken(
  client: Client,
  clock: Clock,
  id: string,
  secret: string,
): Promise<JoinGrant | undefined> {
  if (!/^[a-z0-9]{6}$/.test(id)) return undefined;
  let data: Record<string, string>;
  try {
    const object = (await client.get(resources.secrets, {
      namespace: 'kube-system',
      name: `bootstrap-token-${id}`,
    })) as Secret;
    data = object.data ?? {};
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
  const field = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString();
  const [expected, given] = [Buffer.from(field('token-secret')), Buffer.from(secret)];
  if (expected.length === 0 || expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
  const expiration = field('expiration');
  if (expiration !== '' && !(parseTime(expiration) > clock.nowMs())) return undefined;
  return { tokenId: id, nodeName: field('node-name') || undefined };
}
