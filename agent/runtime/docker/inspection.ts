// What the engine says of a container, in the words of the runtime port. Pure.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerInspect
import type Docker from 'dockerode';
import type { RuntimeContainer } from '../runtime.ts';
import { resourcesOf } from './create-options.ts';
import { identityOf, imageOf } from './labels.ts';

/** What Kubernetes shows for a container that could not be started. */
const startErrorExitCode = 128;
/** For a container whose end nobody has seen, as containerd says it: never a success, or a job would be done. */
const unknownExitCode = 255;

function timeMs(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  // Docker writes year 1 for "never".
  return Number.isNaN(time) || time <= 0 ? undefined : time;
}

/** @param networkName the node's network, in which sandboxes have their address */
export function fromInspection(
  { Id, State, NetworkSettings, Config, HostConfig, Image, Created }: Docker.ContainerInspectInfo,
  { networkName, engine }: Pick<RuntimeContainer, 'engine'> & { networkName: string },
): RuntimeContainer {
  const identity = identityOf(Config.Labels);
  const neverRan = State.Status === 'created';
  const state = State.Running ? 'running' : neverRan && !State.Error ? 'created' : 'exited';
  const address = NetworkSettings.Networks?.[networkName]?.IPAddress;
  const startedAtMs = timeMs(State.StartedAt);
  const finishedAtMs = timeMs(State.FinishedAt);
  // Podman, of what ran when the power went: exit code 0, and no time of its end.
  const isEndUnseen = state === 'exited' && !neverRan && finishedAtMs === undefined && State.ExitCode === 0;
  const endedCode = isEndUnseen ? unknownExitCode : State.ExitCode;
  return {
    id: Id,
    engine,
    ...identity,
    state,
    image: imageOf(Config.Labels) ?? Config.Image,
    imageId: Image,
    createdAtMs: timeMs(Created) ?? 0,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(state === 'exited'
      ? {
          // Podman has no exit code for what could not be started.
          exitCode: neverRan ? State.ExitCode || startErrorExitCode : endedCode,
          finishedAtMs: finishedAtMs ?? startedAtMs ?? timeMs(Created) ?? 0,
        }
      : {}),
    ...(State.OOMKilled ? { oomKilled: true } : {}),
    ...(State.Error ? { error: State.Error } : {}),
    ...(address ? { address } : {}),
    ...(identity.role === 'sandbox' ? {} : { resources: resourcesOf(HostConfig) }),
  };
}

/**
 * A container that the engine lists, and can't tell more of.
 * @param problem why not, in the engine's words
 */
export function fromListing(
  { Id, Labels, Image, ImageID, Created, State }: Docker.ContainerInfo,
  { problem, engine }: Pick<RuntimeContainer, 'engine'> & { problem: string },
): RuntimeContainer {
  const createdAtMs = Created * 1000;
  return {
    id: Id,
    engine,
    ...identityOf(Labels),
    image: imageOf(Labels) ?? Image,
    imageId: ImageID,
    createdAtMs,
    // What runs is left alone: it may be the engine that is in trouble, and not the container.
    ...(State === 'running'
      ? { state: 'running' }
      : { state: 'exited', exitCode: unknownExitCode, finishedAtMs: createdAtMs, error: problem }),
  };
}
