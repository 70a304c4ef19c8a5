// skerry doctor: what is wrong with this device, and how to mend it.
import { resolve } from 'node:path';
import { examineDevice } from '../../agent/main.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { engineOptions, engineSocket, hostOptions } from './agent.ts';

type Finding = Awaited<ReturnType<typeof examineDevice>>[number];

const marks: Record<Finding['status'], string> = {
  ok: 'ok',
  warning: 'WARNING',
  problem: 'PROBLEM',
  'not-applicable': '-',
};

function count(findings: readonly Finding[], status: Finding['status']): number {
  return findings.filter((finding) => finding.status === status).length;
}

function text(findings: readonly Finding[]): string {
  const lines = findings.flatMap((finding) => [
    `${marks[finding.status].padEnd(8)} ${finding.name.padEnd(12)} ${finding.seen}`,
    ...('mend' in finding ? [`${' '.repeat(21)} mend: ${finding.mend}`] : []),
  ]);
  const [problems, warnings] = [count(findings, 'problem'), count(findings, 'warning')];
  return `${lines.join('\n')}\n${findings.length} checks: ${problems} problems, ${warnings} warnings\n`;
}

export const doctorCommand: Command = {
  summary: 'Looks for what is wrong with this device, and says how to mend it. Exits with 1 when there is a problem.',
  usage: '[--data-dir DIR] [options]',
  options: {
    'data-dir': { description: "the agent's data directory", value: 'DIR' },
    ...engineOptions,
    ...hostOptions,
    output: { description: 'text or json', value: 'FORMAT', default: 'text' },
  },
  run: async (options) => {
    const output = options.require('output');
    if (output !== 'text' && output !== 'json')
      throw new UsageError(`--output: expected text or json, found ${JSON.stringify(output)}`);
    const directory = options.get('data-dir');
    const findings = await examineDevice({
      dataDirectory: directory === undefined ? undefined : resolve(directory),
      runtimeEndpoint: engineSocket(options),
      hostRoot: resolve(options.require('host-root')),
    });
    process.stdout.write(output === 'json' ? `${JSON.stringify({ checks: findings }, null, 2)}\n` : text(findings));
    return count(findings, 'problem') === 0 ? 0 : 1;
  },
};
