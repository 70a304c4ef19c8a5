// Server-side applies of a whole Deployment of 4 KiB, in which an annotation has changed.
import { deployment, deployments } from '../objects.ts';
import { connections, type RequestLoad } from './load.ts';

const headers = { 'Content-Type': 'application/apply-patch+yaml' };

export const apply: RequestLoad = {
  prepare: () =>
    Array.from({ length: connections }, (_, index) => ({
      method: 'PATCH',
      path: `${deployments}/apply-${index}?fieldManager=bench`,
      headers,
      body: deployment(`apply-${index}`, ''),
    })),
  request: ({ run, count, connection }) => ({
    method: 'PATCH',
    path: `${deployments}/apply-${connection}?fieldManager=bench`,
    headers,
    body: deployment(`apply-${connection}`, `${run} ${count}`),
  }),
};
