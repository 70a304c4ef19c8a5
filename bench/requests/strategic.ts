// Strategic merge patches of a Deployment of 4 KiB: an annotation changes, and
// a container and its variables are found by their keys.
import { deployment, deployments } from '../objects.ts';
import { connections, type RequestLoad } from './load.ts';

const headers = { 'Content-Type': 'application/strategic-merge-patch+json' };

function patch(mark: string): string {
  const container = { name: 'web', env: [{ name: 'TIER', value: 'front' }] };
  return JSON.stringify({
    metadata: { annotations: { 'example.com/mark': mark } },
    spec: { template: { spec: { containers: [container] } } },
  });
}

export const strategic: RequestLoad = {
  prepare: () =>
    Array.from({ length: connections }, (_, index) => ({
      method: 'POST',
      path: deployments,
      body: deployment(`strategic-${index}`, ''),
    })),
  request: ({ run, count, connection }) => ({
    method: 'PATCH',
    path: `${deployments}/strategic-${connection}`,
    headers,
    body: patch(`${run} ${count}`),
  }),
};
