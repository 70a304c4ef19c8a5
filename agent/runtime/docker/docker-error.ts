// The engine's errors, in the words of the runtime port.
import { RuntimeError } from '../runtime.ts';

export type DockerError = Error & { statusCode?: number; code?: string; json?: { message?: string } };

export function translate(error: unknown, otherwise: 'failed' | 'image-pull' = 'failed'): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const { statusCode, code, json, message } = error as DockerError;
  const text = json?.message ?? message;
  if (statusCode === undefined && code !== undefined)
    return new RuntimeError('unavailable', `the container engine does not answer: ${text}`, { cause: error });
  if (statusCode === 404 && /no such container/i.test(text))
    return new RuntimeError('not-found', text, { cause: error });
  return new RuntimeError(otherwise, text, { cause: error });
}

/** Whether a container was not made because there is one of its name: Podman says so with a 500. */
export function isNameTaken({ statusCode, json, message }: DockerError): boolean {
  return statusCode === 409 || /name is already in use/i.test(json?.message ?? message);
}

/** Ids of the containers that Podman wants removed first: those that share the network or processes of this one. */
export function dependentsIn({ json, message }: DockerError): string[] {
  const [, ids = ''] =
    /has dependent containers which must be removed before it: (.*)/.exec(json?.message ?? message) ?? [];
  return ids.match(/[0-9a-f]{64}/g) ?? [];
}

/** Does work with the engine. @throws RuntimeError */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}
