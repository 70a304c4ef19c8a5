// The Kubernetes types that hub and agent work with, as they are in JSON.
import type {
  V1ClusterRole,
  V1Condition,
  V1ConfigMap,
  V1Container,
  V1ContainerStatus,
  V1ControllerRevision,
  V1CronJob,
  V1CustomResourceDefinition,
  V1DaemonSet,
  V1Deployment,
  V1EndpointSlice,
  V1Endpoints,
  V1Ingress,
  V1Job,
  V1Lease,
  V1LimitRange,
  V1NetworkPolicy,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1PodSpec,
  V1PodTemplateSpec,
  V1PriorityClass,
  V1ReplicaSet,
  V1ResourceQuota,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1StatefulSet,
  V1Taint,
  V1Toleration,
  V2HorizontalPodAutoscaler,
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
export type CronJob = WithMeta<V1CronJob>;
export type CustomResourceDefinition = WithMeta<V1CustomResourceDefinition>;
export type EndpointSlice = WithMeta<V1EndpointSlice>;
export type Ingress = WithMeta<V1Ingress>;
export type Job = WithMeta<V1Job>;
export type LimitRange = WithMeta<V1LimitRange>;
export type NetworkPolicy = WithMeta<V1NetworkPolicy>;
export type PersistentVolume = WithMeta<V1PersistentVolume>;
export type PersistentVolumeClaim = WithMeta<V1PersistentVolumeClaim>;
export type PodDisruptionBudget = WithMeta<V1PodDisruptionBudget>;
export type ResourceQuota = WithMeta<V1ResourceQuota>;
export type RoleBinding = WithMeta<V1RoleBinding>;
export type StatefulSet = WithMeta<V1StatefulSet>;
export type ClusterRole = WithMeta<V1ClusterRole>;
export type PriorityClass = WithMeta<V1PriorityClass>;
export type Endpoints = WithMeta<V1Endpoints>;
export type HorizontalPodAutoscaler = WithMeta<V2HorizontalPodAutoscaler>;
