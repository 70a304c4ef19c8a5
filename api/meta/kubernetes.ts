// The Kubernetes types that hub and agent work with, as they are in JSON.
import type {
  V1Condition,
  V1ConfigMap,
  V1Container,
  V1ContainerStatus,
  V1ControllerRevision,
  V1DaemonSet,
  V1Deployment,
  V1Lease,
  V1Node,
  V1Pod,
  V1PodSpec,
  V1PodTemplateSpec,
  V1ReplicaSet,
  V1Secret,
  V1Service,
  V1Taint,
  V1Toleration,
} from '@kubernetes/client-node';
import type { Json, KubeObject, ObjectMeta } from './object.ts';

type WithMeta<T> = Omit<Json<T>, 'metadata'> & KubeObject & { metadata: ObjectMeta };

export type Pod = WithMeta<V1Pod>;
export type PodSpec = Json<V1PodSpec>;
export type PodTemplate = Json<V1PodTemplateSpec>;
export type Container = Json<V1Container>;
export type ContainerStatus = Json<V1ContainerStatus>;
export type Node = WithMeta<V1Node>;
export type Taint = Json<V1Taint>;
export type Toleration = Json<V1Toleration>;
export type ConfigMap = WithMeta<V1ConfigMap>;
export type Secret = WithMeta<V1Secret>;
export type Service = WithMeta<V1Service>;
export type Lease = WithMeta<V1Lease>;
export type Deployment = WithMeta<V1Deployment>;
export type ReplicaSet = WithMeta<V1ReplicaSet>;
export type DaemonSet = WithMeta<V1DaemonSet>;
export type ControllerRevision = WithMeta<V1ControllerRevision>;

/** A condition of any kind; times are RFC 3339 strings. */
export type Condition = Partial<Omit<Json<V1Condition>, 'type' | 'status'>> & {
  type: string;
  status: string;
  lastHeartbeatTime?: string;
};
