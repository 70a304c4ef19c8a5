// Creates of a Deployment of 4 KiB.
import { deployment, deployments } from '../objects.ts';
import type { RequestLoad } from './load.ts';

export const create: RequestLoad = {
  prepare: () => [],
  request: ({ run, count }) => ({ method: 'POST', path: deployments, body: deployment(`create-${run}-${count}`, '') }),
};
