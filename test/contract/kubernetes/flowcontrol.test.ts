// Kinds of API priority and fairness: stored and served, with their status.
import { conformance } from './support/conformance.ts';
import { checkOperations } from './support/operations.ts';

const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
const status = {
  conditions: [
    { type: 'PatchStatusFailed', status: 'False', reason: 'conformance' },
    { type: 'StatusUpdateFailed', status: 'False', reason: 'Conformance', message: 'Set by a test' },
  ],
};

conformance(
  '[sig-api-machinery] API priority and fairness should support FlowSchema API operations [Conformance]',
  async (cluster) => {
    const subject = { kind: 'User', user: { name: 'nobody-by-this-name' } };
    const fields = {
      spec: {
        matchingPrecedence: 10_000,
        priorityLevelConfiguration: { name: 'global-default' },
        distinguisherMethod: { type: 'ByUser' },
        rules: [{ subjects: [subject], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }],
      },
    };
    await checkOperations(cluster, {
      apiVersion,
      kind: 'FlowSchema',
      resource: 'flowschemas',
      namespaced: false,
      fields,
      patch: { spec: { matchingPrecedence: 9999 } },
      update: { spec: { matchingPrecedence: 9000 } },
      status,
    });
  },
);

conformance(
  '[sig-api-machinery] API priority and fairness should support PriorityLevelConfiguration API operations [Conformance]',
  async (cluster) => {
    const limited = { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } };
    await checkOperations(cluster, {
      apiVersion,
      kind: 'PriorityLevelConfiguration',
      resource: 'prioritylevelconfigurations',
      namespaced: false,
      fields: { spec: { type: 'Limited', limited } },
      patch: { spec: { limited: { nominalConcurrencyShares: 4 } } },
      update: { spec: { limited: { nominalConcurrencyShares: 6 } } },
      status,
    });
  },
);
