// Strategic merge families for maps and structs, and for what is left: atomic
// lists, nested directives, unknown fields, whole objects.
package main

import "fmt"

// mapFamilies puts the same operations on maps of strings, structs and unions.
func (s *mergeSet) mapFamilies() {
	maps := []struct{ name, typeName, frame string }{
		{"labels", "core.v1.ConfigMap", `{"metadata":{"labels":%s}}`},
		{"data", "core.v1.ConfigMap", `{"data":%s}`},
		{"nodeSelector", "core.v1.Pod", `{"spec":{"nodeSelector":%s}}`},
		{"matchLabels", "apps.v1.Deployment", `{"spec":{"selector":{"matchLabels":%s}}}`},
		{"limits in a container", "core.v1.Pod", `{"spec":{"containers":[{"name":"m","resources":{"limits":%s}}]}}`},
		{"replaced selector", "policy.v1.PodDisruptionBudget", `{"spec":{"selector":{"matchLabels":%s}}}`},
		{"a struct", "core.v1.Pod", `{"spec":{"securityContext":%s}}`},
	}
	operations := []struct{ name, original, patch string }{
		{"set and keep", `{"a":"1","b":"1"}`, `{"b":"2","c":"2"}`},
		{"null deletes", `{"a":"1","b":"1"}`, `{"a":null}`},
		{"null for what is not there", `{"a":"1"}`, `{"b":null}`},
		{"null in a new map", `null`, `{"a":null,"b":"1"}`},
		{"only nulls in a new map", `null`, `{"a":null}`},
		{"empty map", `{"a":"1"}`, `{}`},
		{"null map", `{"a":"1"}`, `null`},
		{"empty map for nothing", `null`, `{}`},
		{"last entry deleted", `{"a":"1"}`, `{"a":null}`},
		{"replace", `{"a":"1","b":"1"}`, `{"$patch":"replace","c":"2"}`},
		{"replace by nothing", `{"a":"1"}`, `{"$patch":"replace"}`},
		{"replace with nulls", `{"a":"1"}`, `{"$patch":"replace","a":null,"b":"1"}`},
		{"replace what is not there", `null`, `{"$patch":"replace","c":"2"}`},
		{"delete", `{"a":"1"}`, `{"$patch":"delete"}`},
		{"delete with fields", `{"a":"1"}`, `{"$patch":"delete","b":"1"}`},
		{"delete what is not there", `null`, `{"$patch":"delete"}`},
		{"merge", `{"a":"1"}`, `{"$patch":"merge","b":"1"}`},
		{"unknown directive", `{"a":"1"}`, `{"$patch":"drop"}`},
		{"directive null", `{"a":"1"}`, `{"$patch":null,"b":"2"}`},
		{"retainKeys", `{"a":"1","b":"1","c":"1"}`, `{"$retainKeys":["a","d"],"d":"2"}`},
		{"retainKeys alone", `{"a":"1","b":"1"}`, `{"$retainKeys":["a"]}`},
		{"retainKeys empty", `{"a":"1","b":"1"}`, `{"$retainKeys":[]}`},
		{"retainKeys lacks a key of the patch", `{"a":"1"}`, `{"$retainKeys":["a"],"b":"2"}`},
		{"retainKeys and null", `{"a":"1","b":"1"}`, `{"$retainKeys":["a"],"b":null}`},
		{"retainKeys in a new map", `null`, `{"$retainKeys":["a"],"a":"1"}`},
		{"retainKeys is no list", `{"a":"1"}`, `{"$retainKeys":"a"}`},
		{"retainKeys of numbers", `{"a":"1"}`, `{"$retainKeys":[1]}`},
		{"a string for the map", `{"a":"1"}`, `"x"`},
		{"a list for the map", `{"a":"1"}`, `["x"]`},
		{"a map for a value", `{"a":"1"}`, `{"a":{"b":"c"}}`},
		{"a value for a map", `{"a":{"b":"c"}}`, `{"a":"1"}`},
		{"a number for a string", `{"a":"1"}`, `{"a":1}`},
		{"lists as values", `{"a":["1"]}`, `{"a":["2"]}`},
		{"nested maps", `{"a":{"b":"c"}}`, `{"a":{"d":"e","b":null}}`},
		{"deletion list", `{"a":["1","2"]}`, `{"$deleteFromPrimitiveList/a":["1"]}`},
		{"order", `{"a":["1","2"]}`, `{"$setElementOrder/a":["2","1"]}`},
		{"key with a slash and a dollar", `{"x/$b":"1"}`, `{"x/$b":"2","$c":"3"}`},
	}
	for index, place := range maps {
		for number, operation := range operations {
			// All operations on the first two maps, every third on the others.
			if index > 1 && (number+index)%3 != 0 {
				continue
			}
			fill := func(text string) object { return parse(fmt.Sprintf(place.frame, text)) }
			s.add(place.name+": "+operation.name, place.typeName, fill(operation.original), fill(operation.patch))
		}
	}
}

// otherFamilies are single cases.
func (s *mergeSet) otherFamilies() {
	const (
		deployment = "apps.v1.Deployment"
		pod        = "core.v1.Pod"
		service    = "core.v1.Service"
		node       = "core.v1.Node"
	)
	web := `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"app":"web"}},"spec":{"replicas":2,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"web:1","args":["-v"],"env":[{"name":"A","value":"1"}],"ports":[{"containerPort":80,"protocol":"TCP"}]}],"tolerations":[{"key":"k","operator":"Exists"}]}}}}`
	for _, test := range []struct{ name, typeName, original, patch string }{
		{"strategy: Recreate without retainKeys", deployment, web, `{"spec":{"strategy":{"type":"Recreate"}}}`},
		{"strategy: Recreate with retainKeys", deployment, web, `{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}`},
		{"strategy: Recreate with null", deployment, web, `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`},
		{"strategy: replace", deployment, web, `{"spec":{"strategy":{"$patch":"replace","type":"Recreate"}}}`},
		{"strategy: retainKeys with the union kept", deployment, web, `{"spec":{"strategy":{"$retainKeys":["rollingUpdate","type"],"rollingUpdate":{"maxSurge":1}}}}`},
		{"rollout restart", deployment, web, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}}`},
		{"set image", deployment, web, `{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"web"}],"containers":[{"image":"web:2","name":"web"}]}}}}`},
		{"set env", deployment, web, `{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"web"}],"containers":[{"$setElementOrder/env":[{"name":"A"},{"name":"B"}],"env":[{"name":"B","value":"2"}],"name":"web"}]}}}}`},
		{"atomic list: tolerations replaced", deployment, web, `{"spec":{"template":{"spec":{"tolerations":[{"key":"x"}]}}}}`},
		{"atomic list: directive in an item", deployment, web, `{"spec":{"template":{"spec":{"tolerations":[{"key":"x","$patch":"delete"}]}}}}`},
		{"atomic list: replace directive", deployment, web, `{"spec":{"template":{"spec":{"tolerations":[{"$patch":"replace"},{"key":"x"}]}}}}`},
		{"atomic list: order", deployment, web, `{"spec":{"template":{"spec":{"$setElementOrder/tolerations":[{"key":"x"}],"tolerations":[{"key":"x"}]}}}}`},
		{"atomic list: nulls in items", deployment, web, `{"spec":{"template":{"spec":{"tolerations":[{"key":"x","value":null}]}}}}`},
		{"atomic list: emptied", deployment, web, `{"spec":{"template":{"spec":{"tolerations":[]}}}}`},
		{"atomic list: args", deployment, web, `{"spec":{"template":{"spec":{"containers":[{"name":"web","args":["-q","x"]}]}}}}`},
		{"atomic list: deletion list", deployment, web, `{"spec":{"template":{"spec":{"containers":[{"name":"web","$deleteFromPrimitiveList/args":["-v"]}]}}}}`},
		{"atomic list: order of args", deployment, web, `{"spec":{"template":{"spec":{"containers":[{"name":"web","$setElementOrder/args":["b","-v"],"args":["b","-v"]}]}}}}`},
		{"nested deletion", deployment, web, `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"A","$patch":"delete"}],"ports":[{"containerPort":80,"$patch":"delete"}]}]}}}}`},
		{"nested replace", deployment, web, `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"$patch":"replace"},{"name":"Z","value":"z"}]}]}}}}`},
		{"replace spec", deployment, web, `{"spec":{"$patch":"replace","replicas":1}}`},
		{"replace all", deployment, web, `{"$patch":"replace","metadata":{"name":"x"}}`},
		{"delete all", deployment, web, `{"$patch":"delete"}`},
		{"empty patch", deployment, web, `{}`},
		{"null spec", deployment, web, `{"spec":null}`},
		{"null replicas", deployment, web, `{"spec":{"replicas":null}}`},
		{"string for replicas", deployment, web, `{"spec":{"replicas":"3"}}`},
		{"map for replicas", deployment, web, `{"spec":{"replicas":{"x":1}}}`},
		{"list for spec", deployment, web, `{"spec":[1]}`},
		{"unknown scalar", deployment, web, `{"spec":{"unknown":1}}`},
		{"unknown map", deployment, web, `{"spec":{"unknown":{"a":{"b":1}}}}`},
		{"unknown map onto an unknown map", deployment, `{"spec":{"unknown":{"a":1}}}`, `{"spec":{"unknown":{"b":1}}}`},
		{"unknown list onto an unknown list", deployment, `{"spec":{"unknown":[1]}}`, `{"spec":{"unknown":[2]}}`},
		{"order of an unknown list", deployment, web, `{"spec":{"$setElementOrder/unknown":[1]}}`},
		{"deletion from an unknown list", deployment, web, `{"spec":{"$deleteFromPrimitiveList/unknown":[1]}}`},
		{"other case of a field", deployment, web, `{"spec":{"Replicas":5}}`},
		{"intstr of another type", deployment, web, `{"spec":{"strategy":{"rollingUpdate":{"maxSurge":3,"maxUnavailable":"10%"}}}}`},
		{"service: change by port, not by protocol", service, `{"spec":{"ports":[{"port":53,"protocol":"UDP","name":"u"},{"port":53,"protocol":"TCP","name":"t"}]}}`, `{"spec":{"ports":[{"port":53,"protocol":"TCP","name":"x"}]}}`},
		{"service: delete by port takes both protocols", service, `{"spec":{"ports":[{"port":53,"protocol":"UDP"},{"port":53,"protocol":"TCP"},{"port":80}]}}`, `{"spec":{"ports":[{"port":53,"$patch":"delete"}]}}`},
		{"service: two protocols with order", service, `{"spec":{"ports":[{"port":53,"protocol":"UDP"},{"port":80}]}}`, `{"spec":{"$setElementOrder/ports":[{"port":80},{"port":53}],"ports":[{"port":80,"name":"w"}]}}`},
		{"service: type union", service, `{"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":30080}],"selector":{"a":"b"}}}`, `{"spec":{"type":"ClusterIP","ports":[{"port":80,"nodePort":null}]}}`},
		{"service: loadBalancerSourceRanges", service, `{"spec":{"loadBalancerSourceRanges":["10.0.0.0/8"]}}`, `{"spec":{"loadBalancerSourceRanges":["192.168.0.0/16"]}}`},
		{"service: externalIPs with order", service, `{"spec":{"externalIPs":["1.1.1.1","2.2.2.2"]}}`, `{"spec":{"$setElementOrder/externalIPs":["2.2.2.2"],"externalIPs":["2.2.2.2"]}}`},
		{"node: taints are replaced", node, `{"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}}`, `{"spec":{"taints":[{"key":"b","effect":"NoExecute"}]}}`},
		{"node: cordon", node, `{"spec":{"podCIDR":"10.0.0.0/24"}}`, `{"spec":{"unschedulable":true}}`},
		{"node: uncordon", node, `{"spec":{"unschedulable":true}}`, `{"spec":{"unschedulable":null}}`},
		{"node: status of a kubelet", node, `{"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"DiskPressure","status":"False"}],"addresses":[{"type":"InternalIP","address":"a"}],"images":[{"names":["x"]}]}}`, `{"status":{"$setElementOrder/addresses":[{"type":"Hostname"},{"type":"InternalIP"}],"$setElementOrder/conditions":[{"type":"DiskPressure"},{"type":"Ready"}],"addresses":[{"address":"h","type":"Hostname"}],"conditions":[{"status":"True","type":"Ready"}],"images":[{"names":["y"]}]}}`},
		{"pod: finalizers by kubectl", pod, `{"metadata":{"finalizers":["a/x","b/y"]}}`, `{"metadata":{"$deleteFromPrimitiveList/finalizers":["a/x"],"$setElementOrder/finalizers":["b/y"]}}`},
		{"pod: finalizers null", pod, `{"metadata":{"finalizers":["a/x"]}}`, `{"metadata":{"finalizers":null}}`},
		{"pod: owner replaced", pod, `{"metadata":{"ownerReferences":[{"uid":"1","name":"a","controller":true}]}}`, `{"metadata":{"ownerReferences":[{"$patch":"delete","uid":"1"}],"uid":"p"}}`},
		{"pod: volume source by retainKeys", pod, `{"spec":{"volumes":[{"name":"v","emptyDir":{}},{"name":"w","secret":{"secretName":"s"}}]}}`, `{"spec":{"$setElementOrder/volumes":[{"name":"v"},{"name":"w"}],"volumes":[{"$retainKeys":["hostPath","name"],"hostPath":{"path":"/x"},"name":"v"}]}}`},
		{"pod: volume source by null", pod, `{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}`, `{"spec":{"volumes":[{"name":"v","emptyDir":null,"hostPath":{"path":"/x"}}]}}`},
		{"pod: volume source added", pod, `{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}`, `{"spec":{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}}`},
		{"pod: configMap items are replaced", pod, `{"spec":{"volumes":[{"name":"v","configMap":{"name":"c","items":[{"key":"a","path":"a"}]}}]}}`, `{"spec":{"volumes":[{"name":"v","configMap":{"items":[{"key":"b","path":"b"}]}}]}}`},
		{"pod: projected sources are replaced", pod, `{"spec":{"volumes":[{"name":"v","projected":{"sources":[{"secret":{"name":"a"}}]}}]}}`, `{"spec":{"volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":"b"}}]}}]}}`},
		{"pod: ephemeral container", pod, `{"spec":{"containers":[{"name":"a"}]}}`, `{"spec":{"$setElementOrder/ephemeralContainers":[{"name":"d"}],"ephemeralContainers":[{"image":"busybox","name":"d","targetContainerName":"a"}]}}`},
		{"pod: ephemeral container env", pod, `{"spec":{"ephemeralContainers":[{"name":"d","env":[{"name":"A","value":"1"}]}]}}`, `{"spec":{"ephemeralContainers":[{"name":"d","env":[{"name":"B","value":"2"}]}]}}`},
		{"pod: affinity terms are replaced", pod, `{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}}}}`, `{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"b","operator":"In","values":["c"]}]}]}}}}}`},
		{"pod: readiness probe changes its kind", pod, `{"spec":{"containers":[{"name":"a","readinessProbe":{"httpGet":{"port":80},"periodSeconds":5}}]}}`, `{"spec":{"containers":[{"name":"a","readinessProbe":{"httpGet":null,"exec":{"command":["true"]}}}]}}`},
		{"pod: hostIPs have a key", pod, `{"status":{"hostIPs":[{"ip":"1"}],"podIPs":[{"ip":"1"}]}}`, `{"status":{"hostIPs":[{"ip":"2"}],"podIPs":[{"ip":"1"},{"ip":"2"}]}}`},
		{"pod: containerStatuses are replaced", pod, `{"status":{"containerStatuses":[{"name":"a","ready":false},{"name":"b"}]}}`, `{"status":{"containerStatuses":[{"name":"a","ready":true}]}}`},
		{"configMap: binaryData", "core.v1.ConfigMap", `{"binaryData":{"a":"AQ=="}}`, `{"binaryData":{"b":"Ag==","a":null}}`},
		{"secret: stringData", "core.v1.Secret", `{"data":{"a":"AQ=="},"type":"Opaque"}`, `{"stringData":{"b":"c"}}`},
		{"serviceAccount: imagePullSecrets have no key of a strategy", "core.v1.ServiceAccount", `{"imagePullSecrets":[{"name":"a"}]}`, `{"imagePullSecrets":[{"name":"b"}]}`},
		{"namespace: finalizers of the spec", "core.v1.Namespace", `{"spec":{"finalizers":["kubernetes"]}}`, `{"spec":{"finalizers":["x"]}}`},
		{"endpoints: subsets", "core.v1.Endpoints", `{"subsets":[{"addresses":[{"ip":"1"}]}]}`, `{"subsets":[{"addresses":[{"ip":"2"}]}]}`},
		{"ingress: rules are replaced", "networking.v1.Ingress", `{"spec":{"rules":[{"host":"a"}],"tls":[{"hosts":["a"]}]}}`, `{"spec":{"rules":[{"host":"b"}]}}`},
		{"role: rules are replaced", "rbac.v1.Role", `{"rules":[{"verbs":["get"],"resources":["pods"],"apiGroups":[""]}]}`, `{"rules":[{"verbs":["list"],"resources":["pods"],"apiGroups":[""]}]}`},
		{"binding: subjects are replaced", "rbac.v1.RoleBinding", `{"subjects":[{"kind":"User","name":"a"}],"roleRef":{"kind":"Role","name":"r"}}`, `{"subjects":[{"kind":"User","name":"b"}],"roleRef":{"name":"q"}}`},
		{"cronJob: nested template", "batch.v1.CronJob", `{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"x"}]}}}}}}`, `{"spec":{"suspend":true,"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"y"}]}}}}}}`},
		{"statefulSet: claim templates are replaced", "apps.v1.StatefulSet", `{"spec":{"volumeClaimTemplates":[{"metadata":{"name":"a"}}]}}`, `{"spec":{"volumeClaimTemplates":[{"metadata":{"name":"b"}}]}}`},
		{"hpa: metrics are replaced", "autoscaling.v2.HorizontalPodAutoscaler", `{"spec":{"metrics":[{"type":"Resource"}]}}`, `{"spec":{"metrics":[{"type":"Pods"}]}}`},
		{"csr: conditions of an approval", "certificates.v1.CertificateSigningRequest", `{"status":{"conditions":[{"type":"Approved","status":"True"}]}}`, `{"status":{"conditions":[{"type":"Failed","status":"True"}]}}`},
		{"lease: renew", "coordination.v1.Lease", `{"spec":{"holderIdentity":"a","leaseDurationSeconds":40}}`, `{"spec":{"renewTime":"2026-01-01T00:00:00.000000Z"}}`},
		{"pvc: capacity", "core.v1.PersistentVolumeClaim", `{"status":{"capacity":{"storage":"1Gi"},"conditions":[{"type":"Resizing","status":"True"}]}}`, `{"status":{"capacity":{"storage":"2Gi"},"conditions":[{"type":"Resizing","$patch":"delete"}]}}`},
		{"pv: claimRef null", "core.v1.PersistentVolume", `{"spec":{"claimRef":{"name":"a","uid":"u"},"accessModes":["ReadWriteOnce"]}}`, `{"spec":{"claimRef":{"uid":null},"accessModes":["ReadOnlyMany"]}}`},
		{"webhook: rules in an item", "admissionregistration.v1.MutatingWebhookConfiguration", `{"webhooks":[{"name":"a","rules":[{"operations":["CREATE"]}]}]}`, `{"webhooks":[{"name":"a","rules":[{"operations":["UPDATE"]}],"clientConfig":{"caBundle":"AQ=="}}]}`},
		{"event: series", "core.v1.Event", `{"count":1,"message":"m"}`, `{"count":2,"lastTimestamp":"2026-01-01T00:00:00Z","message":null}`},
		{"quota: hard", "core.v1.ResourceQuota", `{"spec":{"hard":{"pods":"1","cpu":"2"},"scopes":["BestEffort"]}}`, `{"spec":{"hard":{"pods":"2","cpu":null},"scopes":["Terminating"]}}`},
	} {
		s.add(test.name, test.typeName, parse(test.original), parse(test.patch))
	}
}
