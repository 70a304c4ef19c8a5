// Updates of a Deployment of 4 KiB by PUT, without a resourceVersion.
import { deployment, deployments } from '../objects.ts';
import { connections, type RequestLoad } from './load.ts';

export const update: RequestLoad = {
  prepare: () =>
    Array.from({ length: connections }, (_, index) => ({
      method: 'POST',
      path: deployments,
      body: deployment(`update-${index}`, ''),
    })),
  request: ({ run, count, connection }) => ({
    method: 'PUT',
    path: `${deployments}/update-${connection}`,
    body: deployment(`update-${connection}`, `${run} ${count}`),
  }),
};
