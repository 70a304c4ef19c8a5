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

/** Does work with the engine. @throws RuntimeError */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}
