// Makes join tokens: Secrets of the type that the hub knows, and their text.
import { createHash, randomInt, X509Certificate } from 'node:crypto';
import { manualApprovalGroup } from '../api/meta/device.ts';
import { formatTime } from '../api/meta/time.ts';
import { formatJoinToken } from '../api/wire/join-token.ts';
import { callApi, type Kubeconfig } from './api.ts';

export const tokenSecretsPath = '/api/v1/namespaces/kube-system/secrets';
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

export type TokenOptions = {
  ttlMs: number;
  /** How many devices may join; any number when undefined. */
  uses?: number | undefined;
  /** The only node name that may join. */
  node?: string | undefined;
  /** Whether a person has to approve each device; `auto` when undefined. */
  approval?: 'auto' | 'manual' | undefined;
};

/** Makes a join token. @returns its text @throws CommandError when the hub can't be reached or refuses */
export async function createToken(hub: Kubeconfig, { ttlMs, uses, node, approval }: TokenOptions): Promise<string> {
  const [id, secret] = [randomText(6), randomText(16)];
  await callApi(hub, 'POST', tokenSecretsPath, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': secret,
      expiration: formatTime(Date.now() + ttlMs),
      'usage-bootstrap-authentication': 'true',
      ...(node === undefined ? {} : { 'node-name': node }),
      ...(uses === undefined ? {} : { uses: String(uses) }),
      ...(approval === 'manual' ? { 'auth-extra-groups': manualApprovalGroup } : {}),
    },
  });
  const authorityFingerprint = createHash('sha256').update(new X509Certificate(hub.authority).raw).digest('hex');
  return formatJoinToken({ id, secret, authorityFingerprint });
}
