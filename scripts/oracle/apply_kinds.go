// Server-side-apply families over many kinds: each object of templates.go goes
// through the same life, lists of other kinds have a case each, and random
// sequences of all operations.
package main

import (
	"fmt"
)

func (s *applySet) kindFamilies() {
	for index := range templateTexts {
		for round := 0; round < 2; round++ {
			m := newMutator(int64(5000 + 10*index + round))
			value := parse(templateTexts[index])
			m.prune(value, 0)
			m.prune(value, 0)
			s.lifeOf(fmt.Sprintf("%v %d", value["kind"], round+1), value, m)
		}
	}
	s.otherKinds()
}

// lifeOf runs the usual operations of a configuration over an object.
func (s *applySet) lifeOf(name string, value object, m mutator) {
	kind := kindOf(value)
	apiVersion := kind.GroupVersion().String()
	less, other := clone(value), clone(value)
	m.prune(less, 0)
	m.change(other, 15, "")
	send := func(op, manager string, body object, force bool) step {
		return step{Op: op, Manager: manager, Object: clone(body), Force: force}
	}
	s.add(name+": life", apiVersion, kind.Kind, "",
		send("apply", "m", value, false), send("apply", "m", value, false), send("apply", "m", less, false),
		send("apply", "n", other, false), send("apply", "n", other, true), send("apply", "m", value, false))
	s.add(name+": created, then applied", apiVersion, kind.Kind, "",
		send("create", "u", value, false), send("apply", "m", less, false), send("update", "u", other, false), send("apply", "m", value, true))
	s.add(name+": untracked", apiVersion, kind.Kind, string(toJSON(value)),
		send("apply", "m", other, true), send("apply", "m", less, false))
}

// otherKinds: what is special in kinds that no other family has.
func (s *applySet) otherKinds() {
	for _, test := range []struct {
		name, apiVersion, kind, first, second, third string
	}{
		{"claimRef is granular", "v1", "PersistentVolume", `{"spec":{"claimRef":{"name":"a","namespace":"n"}}}`, `{"spec":{"claimRef":{"uid":"u"}}}`, `{"spec":{"claimRef":{"name":"b"}}}`},
		{"access modes are a value", "v1", "PersistentVolumeClaim", `{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"dataSource":{"kind":"PersistentVolumeClaim","name":"x"}}}`, `{"spec":{"accessModes":["ReadOnlyMany"]}}`, `{"spec":{"dataSource":{"kind":"PersistentVolumeClaim","name":"y"}}}`},
		{"secrets of an account by name", "v1", "ServiceAccount", `{"secrets":[{"name":"a"}],"imagePullSecrets":[{"name":"b"}]}`, `{"secrets":[{"name":"a","namespace":"n"},{"name":"c"}],"imagePullSecrets":[{"name":"d"}]}`, `{"secrets":[{"namespace":"n"}]}`},
		{"secret data", "v1", "Secret", `{"type":"Opaque","data":{"a":"AQ=="},"stringData":{"b":"c"}}`, `{"data":{"b":"Ag=="},"stringData":{"d":"e"}}`, `{"data":{"a":"Aw=="}}`},
		{"namespace finalizers are a value", "v1", "Namespace", `{"spec":{"finalizers":["kubernetes"]}}`, `{"spec":{"finalizers":["x"]}}`, `{"metadata":{"labels":{"a":"b"}}}`},
		{"subsets are a value", "v1", "Endpoints", `{"subsets":[{"addresses":[{"ip":"1.1.1.1"}],"ports":[{"port":80}]}]}`, `{"subsets":[{"addresses":[{"ip":"2.2.2.2"}]}]}`, `{"subsets":[]}`},
		{"endpoints of a slice are a value", "discovery.k8s.io/v1", "EndpointSlice", `{"addressType":"IPv4","endpoints":[{"addresses":["1.1.1.1"]}],"ports":[{"port":80,"name":"a"}]}`, `{"endpoints":[{"addresses":["2.2.2.2"]}]}`, `{"addressType":"IPv4"}`},
		{"quota", "v1", "ResourceQuota", `{"spec":{"hard":{"pods":"1"},"scopes":["BestEffort"],"scopeSelector":{"matchExpressions":[{"scopeName":"BestEffort","operator":"Exists"}]}}}`, `{"spec":{"hard":{"cpu":"1","pods":"2"}}}`, `{"spec":{"scopeSelector":{}}}`},
		{"limits are a value", "v1", "LimitRange", `{"spec":{"limits":[{"type":"Pod","max":{"cpu":"1"}}]}}`, `{"spec":{"limits":[{"type":"Pod","max":{"cpu":"2"}}]}}`, `{"spec":{"limits":[]}}`},
		{"controller with an atomic selector", "v1", "ReplicationController", `{"spec":{"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"x"}]}}}}`, `{"spec":{"selector":{"c":"d"}}}`, `{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"y"}]}}}}`},
		{"event", "events.k8s.io/v1", "Event", `{"eventTime":"2001-01-01T00:00:00.000000Z","regarding":{"kind":"Pod","name":"a"},"series":{"count":1,"lastObservedTime":"2001-01-01T00:00:00.000000Z"}}`, `{"series":{"count":2}}`, `{"regarding":{"kind":"Pod","name":"b"}}`},
		{"rules are a value", "rbac.authorization.k8s.io/v1", "ClusterRole", `{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}],"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}}`, `{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}]}`, `{"aggregationRule":{"clusterRoleSelectors":[]}}`},
		{"subjects are a value", "rbac.authorization.k8s.io/v1", "RoleBinding", `{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"a"},"subjects":[{"kind":"User","name":"x"}]}`, `{"subjects":[{"kind":"User","name":"y"}]}`, `{"roleRef":{"name":"b"}}`},
		{"network policy", "networking.k8s.io/v1", "NetworkPolicy", `{"spec":{"podSelector":{"matchLabels":{"a":"b"}},"ingress":[{"from":[{"podSelector":{}}]}],"policyTypes":["Ingress"]}}`, `{"spec":{"ingress":[{"ports":[{"port":80}]}]}}`, `{"spec":{"podSelector":{}}}`},
		{"ingress backend", "networking.k8s.io/v1", "Ingress", `{"spec":{"defaultBackend":{"service":{"name":"a","port":{"number":80}}},"rules":[{"host":"a"}]}}`, `{"spec":{"defaultBackend":{"service":{"port":{"name":"http"}}}}}`, `{"spec":{"defaultBackend":{"resource":{"kind":"X","name":"y"}}}}`},
		{"webhooks by name", "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", `{"webhooks":[{"name":"a","rules":[{"operations":["CREATE"]}],"clientConfig":{"url":"https://x"},"sideEffects":"None","admissionReviewVersions":["v1"]}]}`, `{"webhooks":[{"name":"a","clientConfig":{"caBundle":"AQ=="},"rules":[{"operations":["UPDATE"]}]},{"name":"b"}]}`, `{"webhooks":[{"name":"a","matchConditions":[{"name":"c","expression":"true"}]}]}`},
		{"driver modes are a set", "storage.k8s.io/v1", "CSIDriver", `{"spec":{"volumeLifecycleModes":["Persistent"],"attachRequired":true,"tokenRequests":[{"audience":"a"}]}}`, `{"spec":{"volumeLifecycleModes":["Ephemeral","Persistent"]}}`, `{"spec":{"tokenRequests":[{"audience":"b"}]}}`},
		{"storage class", "storage.k8s.io/v1", "StorageClass", `{"provisioner":"p","parameters":{"a":"b"},"mountOptions":["x"],"allowedTopologies":[{"matchLabelExpressions":[{"key":"a","values":["b"]}]}]}`, `{"parameters":{"c":"d"},"mountOptions":["y"]}`, `{"provisioner":"q"}`},
		{"flow schema", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema", `{"spec":{"priorityLevelConfiguration":{"name":"a"},"rules":[{"subjects":[{"kind":"User","user":{"name":"x"}}]}]},"status":{"conditions":[{"type":"Dangling","status":"False"}]}}`, `{"spec":{"matchingPrecedence":5},"status":{"conditions":[{"type":"Dangling","status":"True"}]}}`, `{"status":{"conditions":[{"status":"True"}]}}`},
		{"runtime class", "node.k8s.io/v1", "RuntimeClass", `{"handler":"a","scheduling":{"nodeSelector":{"a":"b"},"tolerations":[{"key":"x"}]},"overhead":{"podFixed":{"cpu":"1"}}}`, `{"scheduling":{"nodeSelector":{"c":"d"}}}`, `{"overhead":{"podFixed":{"memory":"1Mi"}}}`},
		{"revision with raw data", "apps/v1", "ControllerRevision", `{"revision":1,"data":{"spec":{"a":[1,{"b":2}],"c":{"d":"e"}}}}`, `{"data":{"spec":{"c":{"f":"g"},"a":[2]}}}`, `{"data":{"spec":{"c":"x"}}}`},
		{"job", "batch/v1", "Job", `{"spec":{"parallelism":1,"podFailurePolicy":{"rules":[{"action":"Ignore","onExitCodes":{"operator":"In","values":[1,2]}}]},"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"x"}]}}}}`, `{"spec":{"parallelism":2},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`, `{"spec":{"suspend":true}}`},
		{"autoscaler", "autoscaling/v2", "HorizontalPodAutoscaler", `{"spec":{"maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"a"},"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":50}}}],"behavior":{"scaleUp":{"policies":[{"type":"Pods","value":1,"periodSeconds":1}]}}}}`, `{"spec":{"maxReplicas":4,"scaleTargetRef":{"name":"b"}}}`, `{"spec":{"metrics":[],"behavior":{"scaleUp":{"policies":[]}}}}`},
		{"autoscaler v1", "autoscaling/v1", "HorizontalPodAutoscaler", `{"spec":{"maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"a"}}}`, `{"spec":{"maxReplicas":3,"scaleTargetRef":{"name":"b"}}}`, `{"spec":{"minReplicas":1}}`},
		{"signing request", "certificates.k8s.io/v1", "CertificateSigningRequest", `{"spec":{"request":"AQ==","signerName":"s","usages":["client auth"],"extra":{"a":["b"]},"groups":["g"]}}`, `{"spec":{"usages":["server auth"],"extra":{"a":["c"],"d":["e"]}}}`, `{"status":{"conditions":[{"type":"Approved","status":"True"}]}}`},
		{"lease", "coordination.k8s.io/v1", "Lease", `{"spec":{"holderIdentity":"a","leaseDurationSeconds":40,"renewTime":"2001-01-01T00:00:00.000000Z"}}`, `{"spec":{"holderIdentity":"b"}}`, `{"spec":{"renewTime":"2001-01-01T00:00:01.000000Z"}}`},
		{"priority class", "scheduling.k8s.io/v1", "PriorityClass", `{"value":10,"globalDefault":false,"description":"d"}`, `{"value":11}`, `{"description":""}`},
		{"claim templates are a value", "apps/v1", "StatefulSet", `{"spec":{"volumeClaimTemplates":[{"metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteOnce"]}}],"updateStrategy":{"rollingUpdate":{"partition":1}}}}`, `{"spec":{"volumeClaimTemplates":[{"metadata":{"name":"b"}}],"updateStrategy":{"type":"OnDelete"}}}`, `{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"}}}`},
		{"disruption budget", "policy/v1", "PodDisruptionBudget", `{"spec":{"minAvailable":1,"selector":{"matchLabels":{"a":"b"}}}}`, `{"spec":{"minAvailable":"50%","selector":{"matchLabels":{"c":"d"}}}}`, `{"spec":{"maxUnavailable":1}}`},
		{"csi node drivers by name", "storage.k8s.io/v1", "CSINode", `{"spec":{"drivers":[{"name":"a","nodeID":"1","topologyKeys":["x"]}]}}`, `{"spec":{"drivers":[{"name":"b","nodeID":"2"},{"name":"a","allocatable":{"count":1}}]}}`, `{"spec":{"drivers":[{"name":"a","topologyKeys":["y"]}]}}`},
		{"service range", "networking.k8s.io/v1", "ServiceCIDR", `{"spec":{"cidrs":["10.0.0.0/8"]}}`, `{"spec":{"cidrs":["10.0.0.0/8","fd00::/64"]}}`, `{"status":{"conditions":[{"type":"Ready","status":"True","reason":"r","message":"","lastTransitionTime":"2001-01-01T00:00:00Z"}]}}`},
		{"claims of devices", "resource.k8s.io/v1", "ResourceClaim", `{"spec":{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"c"}}]}},"status":{"devices":[{"driver":"d","pool":"p","device":"x"}],"reservedFor":[{"resource":"pods","name":"a","uid":"1"}]}}`, `{"status":{"devices":[{"driver":"d","pool":"p","device":"x","shareID":"s"},{"driver":"d","pool":"p","device":"x","data":{"a":{"b":1}}}],"reservedFor":[{"resource":"pods","name":"b","uid":"2"}]}}`, `{"spec":{"devices":{"requests":[]}}}`},
	} {
		s.add(test.kind+": "+test.name, test.apiVersion, test.kind, "", apply("m", test.first), apply("n", test.second), force("n", test.second), apply("o", test.third), force("o", test.third), apply("m", `{}`), change("u", test.first))
	}
}

// randomSequences: anything that clients may do, in any order.
func (s *applySet) randomSequences() {
	const count = 130
	managers := []string{"m", "n", "kubectl", "o"}
	for seed := int64(1); seed <= count; seed++ {
		m := newMutator(9000 + seed)
		value := m.template()
		m.prune(value, 0)
		kind := kindOf(value)
		start := ""
		if m.chance(30) {
			start = string(toJSON(value))
		}
		var steps []step
		for number := 0; number < 3+m.random.Intn(3); number++ {
			body := clone(value)
			m.change(body, 12, "")
			one := step{Op: "apply", Manager: managers[m.random.Intn(len(managers))], Object: body, Force: m.chance(35)}
			switch {
			case number == 0 && start == "" && m.chance(50):
				one.Op, one.Force = "create", false
			case number > 0 && m.chance(30):
				one.Op, one.Force = "update", false
			default:
				m.prune(one.Object, 0)
			}
			delete(one.Object, "status")
			steps = append(steps, one)
		}
		s.add(fmt.Sprintf("random %d: %s", seed, kind.Kind), kind.GroupVersion().String(), kind.Kind, start, steps...)
	}
}
