// The subcommands that a kubectl has, from its own help.
import { join } from 'node:path';
import type { KubectlVersion } from '../../support/client-binary.ts';
import { Kubectl } from '../../support/kubectl.ts';
import { runDirectory } from '../../support/traces.ts';

/** Groups of subcommands that do nothing by themselves, beside those whose rows have another name. */
const groups = ['auth', 'certificate', 'config', 'create secret', 'create service', 'plugin', 'rollout', 'set', 'top'];
/** `alpha kuberc` of one version is `kuberc` of the next. */
const renamed: Record<string, string> = {
  'alpha kuberc set': 'kuberc',
  'alpha kuberc view': 'kuberc',
  'kuberc set': 'kuberc',
  'kuberc view': 'kuberc',
};
const withSubcommands = [...groups, 'alpha', 'alpha kuberc', 'apply', 'cluster-info', 'create', 'kuberc'];

/** Names of all subcommands, those of groups too. */
export async function commandsOf(version: KubectlVersion): Promise<string[]> {
  const kube = new Kubectl('/nonexistent', { version, home: join(runDirectory, 'help') });
  const found: string[] = ['options'];
  const waiting = [''];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const help = await kube.ok([...name.split(' ').filter((word) => word !== ''), '--help']);
    // The commands stand at the left, indented by two, before the options.
    const commands = [
      ...(help.split(/^(?:Options|Usage|Examples):$/m).at(0) ?? '').matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm),
    ];
    const listed = name === '' ? commands : [...help.matchAll(/^ {2}([a-z][a-z-]*) {2,}[A-Z]/gm)];
    for (const [, word = ''] of listed) {
      const command = name === '' ? word : `${name} ${word}`;
      if (withSubcommands.includes(command)) waiting.push(command);
      if (!groups.includes(command) && !command.startsWith('alpha')) found.push(renamed[command] ?? command);
    }
  }
  return [...new Set(found)];
}
