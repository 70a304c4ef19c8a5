// skerry token: join tokens for devices.
import { createHash, randomInt, X509Certificate } from 'node:crypto';
import { join, resolve } from 'node:path';
import { manualApprovalGroup } from '../../api/meta/device.ts';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import { formatTime } from '../../api/meta/time.ts';
import { readTokenUses } from '../../api/meta/token-uses.ts';
import { formatJoinToken } from '../../api/wire/join-token.ts';
import { callApi, type Kubeconfig, readKubeconfig } from '../api.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import type { Options } from '../options.ts';

const secretsPath = '/api/v1/namespaces/kube-system/secrets';
/** What a Secret has room for: each use takes 150 bytes or so. */
const maxTokenUses = 2000;
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** The hub's kubeconfig that the options name. @throws UsageError, CommandError */
export function kubeconfigOf(options: Options): Kubeconfig {
  const path =
    options.get('kubeconfig') ??
    (options.get('data-dir') === undefined
      ? undefined
      : join(resolve(options.require('data-dir')), 'admin.kubeconfig'));
  if (path === undefined) throw new UsageError('--data-dir of the hub or --kubeconfig is required');
  return readKubeconfig(path);
}

/** How many devices may join; undefined for any number. @throws UsageError */
function usesOf(options: Options): number | undefined {
  const text = options.get('uses');
  if (text === undefined) return undefined;
  const uses = Number(text);
  if (!/^\d+$/.test(text) || uses < 1 || uses > maxTokenUses)
    throw new UsageError(`--uses: expected a number from 1 to ${maxTokenUses}, found ${JSON.stringify(text)}`);
  return uses;
}

export type TokenRequest = {
  ttlMs: number;
  /** How many devices may join; any number without it. */
  uses?: number | undefined;
  approval?: 'auto' | 'manual';
  /** The only node that may join. */
  node?: string | undefined;
};

/** Makes a join token. @throws CommandError */
export async function createToken(config: Kubeconfig, request: TokenRequest): Promise<string> {
  const { ttlMs, uses, approval, node } = request;
  const [id, secret] = [randomText(6), randomText(16)];
  await callApi(config, 'POST', secretsPath, {
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
  const authorityFingerprint = createHash('sha256').update(new X509Certificate(config.authority).raw).digest('hex');
  return formatJoinToken({ id, secret, authorityFingerprint });
}

async function create(options: Options): Promise<void> {
  const config = kubeconfigOf(options);
  const node = options.get('node');
  const problem = node === undefined ? undefined : dnsSubdomainError(node);
  if (problem !== undefined) throw new UsageError(`--node: ${problem}`);
  const approval = options.require('approve');
  if (approval !== 'auto' && approval !== 'manual')
    throw new UsageError(`--approve: expected auto or manual, found ${JSON.stringify(approval)}`);
  const token = await createToken(config, { ttlMs: options.duration('ttl'), uses: usesOf(options), approval, node });
  process.stdout.write(`${token}\n`);
}

async function list(options: Options): Promise<void> {
  const { body } = await callApi(
    kubeconfigOf(options),
    'GET',
    `${secretsPath}?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken`,
  );
  process.stdout.write(row('ID', 'EXPIRES', 'LEFT', 'APPROVAL', 'NODE'));
  for (const { data } of body.items as { data: Record<string, string> }[]) {
    const field = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString();
    const isManual = field('auth-extra-groups').split(',').includes(manualApprovalGroup);
    const left = usesLeft(field('uses'), field('used-by'));
    process.stdout.write(
      row(field('token-id'), field('expiration'), left, isManual ? 'manual' : 'auto', field('node-name') || '<any>'),
    );
  }
}

function row(id: string, expires: string, left: string, approval: string, node: string): string {
  return `${id.padEnd(8)} ${expires.padEnd(22)} ${left.padEnd(9)} ${approval.padEnd(8)} ${node}\n`;
}

/** How many more devices may join, of how many. */
function usesLeft(limit: string, usedBy: string): string {
  if (limit === '') return '<any>';
  const used = readTokenUses(usedBy)?.length ?? Number(limit);
  return `${Math.max(0, Number(limit) - used)}/${limit}`;
}

/** Takes a token, or the one of an id, out of use; resolves with its id. @throws CommandError */
export async function revokeToken(config: Kubeconfig, token: string): Promise<string> {
  const id = (token.startsWith('skerry1.') ? token.split('.')[1] : token) ?? '';
  await callApi(config, 'DELETE', `${secretsPath}/bootstrap-token-${id}`);
  return id;
}

async function revoke(options: Options, id: string | undefined): Promise<void> {
  if (id === undefined || !/^(skerry1\.)?[a-z0-9]{6}(\..*)?$/.test(id))
    throw new UsageError('revoke: expected the id of a token, see skerry token list');
  const bare = await revokeToken(kubeconfigOf(options), id);
  process.stdout.write(`token ${bare} revoked\n`);
}

export const tokenCommand: Command = {
  summary: 'Makes, lists and revokes the tokens with which devices join.',
  usage: 'create|list|revoke ID [options]',
  options: {
    'data-dir': { description: "the hub's data directory", value: 'DIR' },
    kubeconfig: { description: 'kubeconfig of the hub', value: 'FILE' },
    ttl: { description: 'how long the token can be used', value: 'DURATION', default: '24h' },
    uses: { description: 'how many devices may join with it (default: any number)', value: 'N' },
    approve: {
      description: 'auto, or manual: each device waits for kubectl certificate approve',
      value: 'HOW',
      default: 'auto',
    },
    node: {
      description: 'the only node name that may join with it; lets a node that exists join again',
      value: 'NAME',
    },
  },
  run: async (options) => {
    const [verb, id] = options.words;
    if (verb === 'create') await create(options);
    else if (verb === 'list') await list(options);
    else if (verb === 'revoke') await revoke(options, id);
    else throw new UsageError(`expected create, list or revoke, found ${JSON.stringify(verb ?? '')}`);
    return 0;
  },
};
