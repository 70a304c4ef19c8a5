// skerry token: join tokens for devices.
import { join, resolve } from 'node:path';
import { manualApprovalGroup } from '../../api/meta/device.ts';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import { readTokenUses } from '../../api/meta/token-uses.ts';
import { adminKubeconfigFile } from '../../api/wire/hub-files.ts';
import { callApi, type Kubeconfig, readKubeconfig } from '../api.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { createToken, tokenSecretsPath } from '../join-token.ts';
import type { Options } from '../options.ts';

/** What a Secret has room for: each use takes 150 bytes or so. */
const maxTokenUses = 2000;

/** The hub's kubeconfig that the options name. @throws UsageError, CommandError */
export function kubeconfigOf(options: Options): Kubeconfig {
  const path =
    options.get('kubeconfig') ??
    (options.get('data-dir') === undefined
      ? undefined
      : join(resolve(options.require('data-dir')), adminKubeconfigFile));
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
    `${tokenSecretsPath}?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken`,
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
  await callApi(config, 'DELETE', `${tokenSecretsPath}/bootstrap-token-${id}`);
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
