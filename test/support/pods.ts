// Pods for tests with a real engine: a shell script in a busybox, and what a
// test wants to be different.
import { images } from './engine.ts';

/** Runs until SIGTERM, at which it ends at once. */
export const forever = 'trap "exit 0" TERM; echo up; while :; do sleep 0.2; done';

export type ContainerFields = Record<string, unknown>;

/** A container that runs a shell script. */
export function shell(name: string, script: string, fields: ContainerFields = {}): object {
  return { name, image: images.one, command: ['sh', '-c', script], ...fields };
}

/** A pod with one container `main`. */
export function shellPod(
  name: string,
  script = forever,
  fields: ContainerFields = {},
  spec: Record<string, unknown> = {},
): object {
  return podOf(name, { containers: [shell('main', script, fields)], ...spec });
}

export function podOf(name: string, spec: Record<string, unknown>): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  };
}
