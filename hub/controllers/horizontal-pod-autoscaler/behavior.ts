// How fast an autoscaler may follow what its metrics ask for: stabilization
// windows look back at what was asked for before, policies limit the change
// within a period. Pure.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior
import type { HorizontalPodAutoscaler } from '../../../api/meta/kubernetes.ts';

/** What was asked for, and done, before; times are monotonic. */
export type History = {
  /** Replicas that the metrics have asked for. */
  recommendations: readonly { atMs: number; replicas: number }[];
  /** Changes that were made, more pods or fewer. */
  changes: readonly { atMs: number; difference: number }[];
};

export type Bounds = { current: number; min: number; max: number };
/** A number of replicas, and why it is this one, as conditions say it. */
export type Limited = { replicas: number; reason: string; message: string; isLimited: boolean };

type Rules = NonNullable<NonNullable<HorizontalPodAutoscaler['spec']>['behavior']>['scaleUp'];
type Policies = NonNullable<NonNullable<Rules>['policies']>;

const defaultPeriodSeconds = 15;
const defaultDownWindowSeconds = 300;
/** Longest period and window that an autoscaler may ask for, ms: what is older says nothing. */
const longestMemoryMs = 3_600_000;

const defaultUp: Policies = [
  { type: 'Percent', value: 100, periodSeconds: defaultPeriodSeconds },
  { type: 'Pods', value: 4, periodSeconds: defaultPeriodSeconds },
];
const defaultDown: Policies = [{ type: 'Percent', value: 100, periodSeconds: defaultPeriodSeconds }];

export const emptyHistory: History = { recommendations: [], changes: [] };

/** Without what is too old to matter. */
export function recent({ recommendations, changes }: History, atMs: number): History {
  const isRecent = (entry: { atMs: number }): boolean => entry.atMs > atMs - longestMemoryMs;
  return { recommendations: recommendations.filter(isRecent), changes: changes.filter(isRecent) };
}

/** The replicas between the lowest that was asked for lately, for more, and the highest, for fewer. */
export function stabilize(
  { spec }: HorizontalPodAutoscaler,
  { recommendations }: History,
  asked: number,
  current: number,
  atMs: number,
): Limited {
  const upMs = (spec?.behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const downMs = (spec?.behavior?.scaleDown?.stabilizationWindowSeconds ?? defaultDownWindowSeconds) * 1000;
  const within = (windowMs: number): number[] =>
    recommendations.flatMap((entry) => (entry.atMs > atMs - windowMs ? [entry.replicas] : []));
  const lowest = Math.min(asked, ...within(upMs));
  const highest = Math.max(asked, ...within(downMs));
  const replicas = Math.min(Math.max(current, lowest), highest);
  if (replicas === asked)
    return { replicas, reason: 'ReadyForNewScale', message: 'recommended size matches current size', isLimited: false };
  const [reason, message] =
    asked >= current
      ? [
          'ScaleUpStabilized',
          'recent recommendations were lower than current one, applying the lowest recent recommendation',
        ]
      : [
          'ScaleDownStabilized',
          'recent recommendations were higher than current one, applying the highest recent recommendation',
        ];
  return { replicas, reason, message, isLimited: true };
}

/** The replicas that bounds and policies allow of those that are asked for. */
export function limit(
  { spec }: HorizontalPodAutoscaler,
  history: History,
  asked: number,
  bounds: Bounds,
  atMs: number,
): Limited {
  const { current, min, max } = bounds;
  const limited = (replicas: number, reason: string, message: string): Limited => ({
    replicas,
    reason,
    message,
    isLimited: true,
  });
  if (asked > current) {
    const most = Math.max(current, reach(spec?.behavior?.scaleUp, defaultUp, 1, current, history, atMs));
    if (asked > max && max <= most)
      return limited(max, 'TooManyReplicas', 'the desired replica count is more than the maximum replica count');
    if (asked > most)
      return limited(
        most,
        'ScaleUpLimit',
        'the desired replica count is increasing faster than the maximum scale rate',
      );
  } else if (asked < current) {
    const least = Math.min(current, reach(spec?.behavior?.scaleDown, defaultDown, -1, current, history, atMs));
    if (asked < min && min >= least)
      return limited(min, 'TooFewReplicas', 'the desired replica count is less than the minimum replica count');
    if (asked < least)
      return limited(
        least,
        'ScaleDownLimit',
        'the desired replica count is decreasing faster than the maximum scale rate',
      );
  }
  const message = 'the desired count is within the acceptable range';
  return { replicas: asked, reason: 'DesiredWithinRange', message, isLimited: false };
}

/** How far the policies of one direction let the count go from where it was when their period began. */
function reach(
  rules: Rules,
  byDefault: Policies,
  direction: 1 | -1,
  current: number,
  { changes }: History,
  atMs: number,
): number {
  if (rules?.selectPolicy === 'Disabled') return current;
  const limits = (rules?.policies ?? byDefault).map(({ type, value, periodSeconds }) => {
    const changed = changes
      .filter((change) => change.atMs > atMs - periodSeconds * 1000)
      .reduce((sum, { difference }) => sum + difference, 0);
    const start = current - changed;
    if (type === 'Pods') return start + direction * value;
    const share = start * (1 + (direction * value) / 100);
    return direction === 1 ? Math.ceil(share) : Math.trunc(share);
  });
  const takesMost = (rules?.selectPolicy ?? 'Max') === 'Max';
  return takesMost === (direction === 1) ? Math.max(...limits) : Math.min(...limits);
}
