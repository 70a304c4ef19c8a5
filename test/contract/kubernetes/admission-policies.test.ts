// Admission policies and their bindings: stored and served; their expressions
// are not evaluated here.
import { conformance } from './support/conformance.ts';
import { checkOperations, type KindOperations } from './support/operations.ts';

const shared = { apiVersion: 'admissionregistration.k8s.io/v1', namespaced: false };
const matchConstraints = {
  resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments'] }],
};
/** The same change in both kinds of policies, and back. */
const failurePolicies = {
  patch: { spec: { failurePolicy: 'Ignore' } },
  update: { spec: { failurePolicy: 'Fail' } },
} satisfies Partial<KindOperations>;

function condition(type: string): KindOperations['fields'] {
  return {
    type,
    status: 'False',
    reason: 'Conformance',
    message: 'Set by a test',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
}

conformance(
  '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicy API operations [Conformance]',
  async (cluster) => {
    await checkOperations(cluster, {
      ...shared,
      ...failurePolicies,
      kind: 'ValidatingAdmissionPolicy',
      resource: 'validatingadmissionpolicies',
      fields: { spec: { validations: [{ expression: 'object.spec.replicas <= 100' }], matchConstraints } },
      status: { conditions: [condition('PatchStatusFailed'), condition('StatusUpdateFailed')] },
    });
  },
);

conformance(
  '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicyBinding API operations [Conformance]',
  async (cluster) => {
    await checkOperations(cluster, {
      ...shared,
      kind: 'ValidatingAdmissionPolicyBinding',
      resource: 'validatingadmissionpolicybindings',
      fields: { spec: { policyName: 'replicas.example.com', validationActions: ['Deny'] } },
    });
  },
);

conformance(
  '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicy API operations [Conformance]',
  async (cluster) => {
    const expression = 'Object{metadata: Object.metadata{annotations: {"example": "value"}}}';
    await checkOperations(cluster, {
      ...shared,
      ...failurePolicies,
      kind: 'MutatingAdmissionPolicy',
      resource: 'mutatingadmissionpolicies',
      fields: {
        spec: {
          reinvocationPolicy: 'Never',
          mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
          matchConstraints,
        },
      },
    });
  },
);

conformance(
  '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicyBinding API operations [Conformance]',
  async (cluster) => {
    await checkOperations(cluster, {
      ...shared,
      kind: 'MutatingAdmissionPolicyBinding',
      resource: 'mutatingadmissionpolicybindings',
      fields: { spec: { policyName: 'replicas.example.com' } },
    });
  },
);
