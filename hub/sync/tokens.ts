// Join tokens, kept as Kubernetes' bootstrap token Secrets in kube-system.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../api/meta/kubernetes.ts';
import { hasReason } from '../../api/meta/status.ts';
import { parseTime } from '../../api/meta/time.ts';
import { decideTokenUse, readTokenUses, type TokenUse } from '../../api/meta/token-uses.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Client } from '../client/client.ts';
import { resources } from '../client/resources.ts';

/** What the token of a joining device allows. */
export type JoinGrant = {
  tokenId: string;
  /** The only node that may join with it. */
  nodeName: string | undefined;
  /** More groups of the device's certificate request. */
  groups: readonly string[];
};

const namespace = 'kube-system';
/** How often a use is counted anew when others join at the same time. */
const maxAttempts = 64;

/** @returns the token's Secret, or undefined when there is none */
async function readToken(client: Client, id: string): Promise<Secret | undefined> {
  try {
    return (await client.get(resources.secrets, { namespace, name: `bootstrap-token-${id}` })) as Secret;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

function fieldOf({ data = {} }: Secret, name: string): string {
  return Buffer.from(data[name] ?? '', 'base64').toString();
}

/** What a token's id and secret allow; undefined when they are wrong or expired. */
export async function checkJoinToken(
  client: Client,
  clock: Clock,
  id: string,
  secret: string,
): Promise<JoinGrant | undefined> {
  if (!/^[a-z0-9]{6}$/.test(id)) return undefined;
  const token = await readToken(client, id);
  if (token === undefined) return undefined;
  const [expected, given] = [Buffer.from(fieldOf(token, 'token-secret')), Buffer.from(secret)];
  if (expected.length === 0 || expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
  const expiration = fieldOf(token, 'expiration');
  if (expiration !== '' && !(parseTime(expiration) > clock.nowMs())) return undefined;
  const groups = fieldOf(token, 'auth-extra-groups').split(',');
  return {
    tokenId: id,
    nodeName: fieldOf(token, 'node-name') || undefined,
    groups: groups.filter((group) => group.startsWith('system:bootstrappers:')),
  };
}

/**
 * Counts that a device joins, durably and once a device, when the token is good for a number of them.
 * @returns why the device may not join, or undefined
 */
export async function countUse(client: Client, id: string, device: TokenUse): Promise<string | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const token = await readToken(client, id);
    if (token === undefined) return 'the token has been revoked';
    const limit = fieldOf(token, 'uses');
    if (limit === '') return undefined;
    const decision = decideTokenUse(readTokenUses(fieldOf(token, 'used-by')), Number(limit) || 0, device);
    if (decision.kind === 'known') return undefined;
    if (decision.kind === 'used-up')
      return `the token is used up: it was good for ${limit === '1' ? 'one device' : `${limit} devices`}, make another (skerry token create)`;
    try {
      const usedBy = Buffer.from(JSON.stringify(decision.uses)).toString('base64');
      // With its resourceVersion: two devices that join at once are counted one after the other.
      await client.update(resources.secrets, { ...token, data: { ...token.data, 'used-by': usedBy } });
      return undefined;
    } catch (error) {
      if (!hasReason(error, 'Conflict') || attempt >= maxAttempts) throw error;
    }
  }
}
