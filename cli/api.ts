// Calls of the API over HTTPS with a kubeconfig, for commands that talk to a running hub.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { parse } from 'yaml';
import { CommandError } from './errors.ts';

export type Kubeconfig = { server: string; authority: string; certificate: string; key: string };

const timeoutMs = 15_000;

type KubeconfigFile = {
  clusters?: { cluster?: { server?: string; 'certificate-authority-data'?: string } }[];
  users?: { user?: { 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
};

/** @throws CommandError when the file is missing or is no kubeconfig of a hub */
export function readKubeconfig(path: string): Kubeconfig {
  let content: KubeconfigFile;
  try {
    content = parse(readFileSync(path, 'utf8')) as KubeconfigFile;
  } catch (error) {
    throw new CommandError(`can't read the kubeconfig ${path}: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
  const cluster = content.clusters?.[0]?.cluster;
  const user = content.users?.[0]?.user;
  const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();
  const config = {
    server: cluster?.server ?? '',
    authority: decode(cluster?.['certificate-authority-data']),
    certificate: decode(user?.['client-certificate-data']),
    key: decode(user?.['client-key-data']),
  };
  const missing = Object.entries(config).find(([, value]) => value === '')?.[0];
  if (missing !== undefined)
    throw new CommandError(`${path} has no ${missing}: expected the admin.kubeconfig of a hub`);
  return config;
}

/** Sends one request; resolves with the answer's JSON. @throws CommandError with the Status' message */
export function callApi(
  config: Kubeconfig,
  method: string,
  path: string,
  body?: object,
): Promise<{ code: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(new CommandError(`the hub at ${config.server} can't be reached: ${error.message}`, { cause: error }));
    const call = request(
      new URL(path, config.server),
      {
        method,
        ca: config.authority,
        cert: config.certificate,
        key: config.key,
        timeout: timeoutMs,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const code = response.statusCode ?? 0;
          const answer = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>;
          if (code >= 400) reject(new CommandError(String(answer.message ?? `the hub answered ${code}`)));
          else resolve({ code, body: answer });
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    call.on('error', fail);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
