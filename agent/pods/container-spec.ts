// From a container of a pod's spec to what the engine is asked for.
import type { Container, Pod } from '../../api/meta/kubernetes.ts';
import type { ContainerIdentity, ContainerSpec, Mount, PortMapping, SandboxSpec } from '../runtime/runtime.ts';
import { containerHash } from './container-hash.ts';
import { madeWith, wantedResources } from './container-resources.ts';
import { expand } from './environment.ts';
import type { Step } from './plan.ts';

type StartStep = Extract<Step, { type: 'start' }>;

function identityOf(pod: Pod): Pick<ContainerIdentity, 'podUid' | 'podNamespace' | 'podName'> {
  const { uid = '', namespace = '', name } = pod.metadata;
  return { podUid: uid, podNamespace: namespace, podName: name };
}

export function sandboxSpec(pod: Pod, attempt: number): SandboxSpec {
  const hostNetwork = pod.spec?.hostNetwork === true;
  const ports = (pod.spec?.containers ?? []).flatMap((container) =>
    (container.ports ?? []).flatMap((port): PortMapping[] => {
      if (!port.hostPort || hostNetwork) return [];
      const protocol = (port.protocol ?? 'TCP').toLowerCase() as PortMapping['protocol'];
      return [
        {
          containerPort: port.containerPort,
          hostPort: port.hostPort,
          protocol,
          ...(port.hostIP ? { hostAddress: port.hostIP } : {}),
        },
      ];
    }),
  );
  return {
    identity: {
      ...identityOf(pod),
      role: 'sandbox',
      containerName: '',
      attempt,
      crashStreak: 0,
      specHash: '',
      sandboxId: '',
    },
    hostname: (pod.spec?.hostname ?? pod.metadata.name).slice(0, 63),
    hostNetwork,
    hostIpc: pod.spec?.hostIPC === true,
    ports,
  };
}

/** Security settings of a container, its pod's where it has none. */
function securityOf(
  pod: Pod,
  container: Container,
): Pick<
  ContainerSpec,
  'user' | 'supplementalGroups' | 'privileged' | 'readOnlyRoot' | 'addCapabilities' | 'dropCapabilities'
> {
  const own = container.securityContext;
  const shared = pod.spec?.securityContext;
  const runAsUser = own?.runAsUser ?? shared?.runAsUser;
  const runAsGroup = own?.runAsGroup ?? shared?.runAsGroup;
  const groups = [...(shared?.supplementalGroups ?? []), ...(shared?.fsGroup === undefined ? [] : [shared.fsGroup])];
  return {
    ...(runAsUser === undefined
      ? {}
      : { user: runAsGroup === undefined ? String(runAsUser) : `${runAsUser}:${runAsGroup}` }),
    supplementalGroups: groups.map(String),
    privileged: own?.privileged === true,
    readOnlyRoot: own?.readOnlyRootFilesystem === true,
    addCapabilities: own?.capabilities?.add ?? [],
    dropCapabilities: own?.capabilities?.drop ?? [],
  };
}

function sharedProcesses(pod: Pod, containerId: string | undefined): Pick<ContainerSpec, 'sharesProcessesOf'> {
  if (pod.spec?.hostPID === true) return { sharesProcessesOf: 'node' };
  if (pod.spec?.shareProcessNamespace === true) return { sharesProcessesOf: 'pod' };
  return containerId === undefined ? {} : { sharesProcessesOf: { containerId } };
}

export function containerSpec(
  pod: Pod,
  step: StartStep,
  environment: ReadonlyMap<string, string>,
  mounts: Mount[],
): ContainerSpec {
  const { container, role, attempt, crashStreak, sandboxId } = step;
  return {
    identity: {
      ...identityOf(pod),
      role,
      containerName: container.name,
      attempt,
      crashStreak,
      specHash: containerHash(container),
      sandboxId,
      madeWith: madeWith(container),
    },
    image: container.image ?? '',
    ...(container.command === undefined ? {} : { command: container.command.map((word) => expand(word, environment)) }),
    ...(container.args === undefined ? {} : { args: container.args.map((word) => expand(word, environment)) }),
    environment: [...environment].map(([name, value]) => `${name}=${value}`),
    ...(container.workingDir ? { workingDirectory: container.workingDir } : {}),
    mounts,
    terminal: container.tty === true,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    resources: wantedResources(container),
    ...securityOf(pod, container),
    ...sharedProcesses(pod, step.sharesProcessesOf),
  };
}
