// All loads of requests, by the names that their figures have.
import { apply } from './apply.ts';
import { create } from './create.ts';
import { get } from './get.ts';
import { list, listCompressed } from './list.ts';
import type { RequestLoad } from './load.ts';
import { strategic } from './strategic.ts';
import { update } from './update.ts';

export const requestLoads: Record<string, RequestLoad> = {
  create,
  update,
  get,
  list_500_of_5000: list,
  list_500_of_5000_gzip: listCompressed,
  server_side_apply: apply,
  strategic_merge_patch: strategic,
};
