// Images of the simulation and what their programs do. The tag is a version and
// changes nothing.
import type { ContainerSpec } from '../../agent/runtime/runtime.ts';
import type { Behaviour } from '../../agent/runtime/simulated/simulated-engine.ts';

const versions = ['1', '2', '3'];
const local = ['web', 'stubborn', 'flaky', 'crashy', 'init', 'job', 'slow-end'];

/** Images that every device has. */
export const images = local.flatMap((name) => versions.map((version) => `${name}:${version}`));
/** Images that have to be pulled, with the time that takes, ms. */
export const registry: [string, number][] = versions.map((version) => [`pulled:${version}`, 3000]);
/** Images that appear in the registry when all faults rest. */
export const lateImages: [string, number][] = versions.map((version) => [`late:${version}`, 1000]);

export function behaviourOf({ image, identity }: ContainerSpec): Behaviour {
  switch (image.split(':')[0]) {
    case 'stubborn':
      return { onTerm: 'ignored' };
    case 'slow-end':
      return { onTerm: 4000, termExitCode: 0 };
    case 'flaky':
      // Falls over twice, then stays up.
      return identity.attempt < 2 ? { runsMs: 3000, exitCode: 1 } : { onTerm: 100 };
    case 'crashy':
      return identity.attempt < 7 ? { runsMs: 1000, exitCode: 1 } : { onTerm: 100 };
    case 'init':
      return { runsMs: 500, exitCode: 0 };
    case 'job':
      return { runsMs: 20_000, exitCode: 0 };
    default:
      return { onTerm: 50 };
  }
}
