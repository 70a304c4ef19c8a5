// Server-side-apply families on workloads, Services and Nodes: lists by keys,
// defaults of keys, atomic parts, unions, subresources, scale.
package main

import "fmt"

func (s *applySet) workloadFamilies() {
	deploy := func(name, start string, steps ...step) {
		for index := range steps {
			if steps[index].Subresource == "" && steps[index].ResetFields == nil && steps[index].Op != "scale" {
				steps[index] = steps[index].keeping(path("status"))
			}
		}
		s.add("Deployment: "+name, "apps/v1", "Deployment", start, steps...)
	}
	pod := func(text string) string { return `{"spec":{"template":{"spec":{` + text + `}}}}` }
	one := func(text string) string { return pod(`"containers":[{"name":"a"` + text + `}]`) }
	base := `{"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:1"},{"name":"b","image":"b:1"}]}}}}`
	deploy("create", "", apply("m", base))
	deploy("drop a container", "", apply("m", base), apply("m", one(`,"image":"a:1"`)))
	deploy("drop a container with another's field in it", "", apply("m", base), apply("n", pod(`"containers":[{"name":"b","tty":true}]`)), apply("m", one(`,"image":"a:1"`)), apply("n", `{}`))
	deploy("drop a container that an updater changed", "", apply("m", base), change("u", pod(`"containers":[{"name":"a","image":"a:1"},{"name":"b","image":"b:2"}]`)), apply("m", one(`,"image":"a:1"`)))
	deploy("drop a container that an updater completed", "", apply("m", base), change("u", pod(`"containers":[{"name":"a","image":"a:1"},{"name":"b","image":"b:1","tty":true}]`)), apply("m", one(`,"image":"a:1"`)))
	deploy("another container", "", apply("m", base), apply("n", pod(`"containers":[{"name":"c","image":"c:1"}]`)), apply("m", base), apply("n", `{}`))
	deploy("another's container before", "", apply("m", base), apply("n", pod(`"containers":[{"name":"c"},{"name":"a"}]`)), apply("o", pod(`"containers":[{"name":"b"},{"name":"d"},{"name":"a"}]`)))
	deploy("other order", "", apply("m", base), apply("m", pod(`"containers":[{"name":"b","image":"b:1"},{"name":"a","image":"a:1"}]`)))
	deploy("order of what is not one's own", "", create("u", base), apply("m", pod(`"containers":[{"name":"b"},{"name":"x","image":"x"},{"name":"a"}]`)), apply("m", pod(`"containers":[{"name":"x","image":"x"}]`)))
	deploy("an item by its key alone", "", create("u", base), apply("m", one(``)), apply("m", `{}`))
	deploy("image conflicts", "", apply("m", base), apply("n", one(`,"image":"a:2"`)), force("n", one(`,"image":"a:2"`)), apply("m", base))
	deploy("set image by update", "", apply("m", base), change("kubectl-set", pod(`"containers":[{"name":"a","image":"a:2"},{"name":"b","image":"b:1"}]`)), apply("m", base), force("m", base))
	deploy("replicas handed to an autoscaler", "", apply("m", base), apply("hpa", `{"spec":{"replicas":2}}`), apply("m", `{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:1"},{"name":"b","image":"b:1"}]}}}}`), apply("hpa", `{"spec":{"replicas":5}}`))
	deploy("replicas dropped by the only owner", "", apply("m", base), apply("m", `{"spec":{"selector":{"matchLabels":{"a":"b"}}}}`))
	deploy("selector is one value", "", apply("m", base), apply("n", `{"spec":{"selector":{"matchLabels":{"c":"d"}}}}`), force("n", `{"spec":{"selector":{"matchLabels":{"c":"d"}}}}`), force("n", `{"spec":{"selector":{}}}`), force("n", `{"spec":{"selector":null}}`))
	deploy("template labels", "", apply("m", base), apply("n", `{"spec":{"template":{"metadata":{"labels":{"x":"y"},"annotations":{"restartedAt":"t"}}}}}`), apply("m", `{}`), apply("n", `{}`))

	deploy("env", "", apply("m", one(`,"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]`)), apply("n", one(`,"env":[{"name":"C","value":"3"},{"name":"A","value":"1"}]`)), apply("m", one(`,"env":[{"name":"B","value":"2"}]`)), apply("n", one(``)))
	deploy("env changes to a reference", "", apply("m", one(`,"env":[{"name":"A","value":"1"}]`)), apply("m", one(`,"env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]`)), apply("m", one(`,"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]`)))
	deploy("env reference by two", "", apply("m", one(`,"env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"s","key":"k"}}}]`)), apply("n", one(`,"env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"s","key":"k","optional":true}}}]`)), force("n", one(`,"env":[{"name":"A","valueFrom":null,"value":"x"}]`)))
	deploy("env without a name", "", apply("m", one(`,"env":[{"value":"1"}]`)), apply("n", one(`,"env":[{"name":"","value":"2"}]`)))
	deploy("env emptied", "", apply("m", one(`,"env":[{"name":"A","value":"1"}]`)), apply("m", one(`,"env":[]`)), apply("m", one(`,"env":null`)), apply("n", one(`,"env":[{"name":"A"}]`)))
	deploy("ports with and without protocol", "", apply("m", one(`,"ports":[{"containerPort":80}]`)), apply("n", one(`,"ports":[{"containerPort":80,"protocol":"TCP","name":"http"}]`)), apply("m", one(`,"ports":[{"containerPort":80,"protocol":"TCP"}]`)), apply("n", one(``)))
	deploy("ports of two protocols", "", apply("m", one(`,"ports":[{"containerPort":53},{"containerPort":53,"protocol":"UDP"}]`)), apply("m", one(`,"ports":[{"containerPort":53,"protocol":"UDP","name":"dns"}]`)))
	deploy("ports without a number", "", apply("m", one(`,"ports":[{"name":"x"}]`)))
	deploy("ports in order of numbers", "", apply("m", one(`,"ports":[{"containerPort":443},{"containerPort":80},{"containerPort":9},{"containerPort":80,"protocol":"UDP"}]`)))
	deploy("resources", "", apply("m", one(`,"resources":{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"100m"}}`)), apply("n", one(`,"resources":{"limits":{"cpu":"1000m"}}`)), apply("n", one(`,"resources":{"limits":{"cpu":"1"}}`)), apply("m", one(`,"resources":{"limits":{"cpu":"2"}}`)))
	deploy("resources empty and null", "", apply("m", one(`,"resources":{}`)), apply("m", one(`,"resources":{"limits":{}}`)), apply("m", one(`,"resources":{"limits":null}`)), apply("m", one(`,"resources":null`)))
	deploy("command and args are values", "", apply("m", one(`,"command":["a"],"args":["b","c"]`)), apply("n", one(`,"args":["c","b"]`)), force("n", one(`,"args":["c","b"]`)), apply("m", one(`,"command":[]`)))
	deploy("envFrom is a value", "", apply("m", one(`,"envFrom":[{"configMapRef":{"name":"x"}}]`)), apply("n", one(`,"envFrom":[{"secretRef":{"name":"x"}}]`)), apply("n", one(`,"envFrom":[{"configMapRef":{"name":"x"}}]`)))
	deploy("probes", "", apply("m", one(`,"livenessProbe":{"httpGet":{"path":"/","port":80},"periodSeconds":5}`)), apply("n", one(`,"livenessProbe":{"periodSeconds":6,"httpGet":{"port":"http"}}`)), apply("m", one(`,"livenessProbe":{"exec":{"command":["true"]}}`)), apply("m", one(``)))
	deploy("volume mounts", "", apply("m", one(`,"volumeMounts":[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/b","readOnly":true}]`)), apply("n", one(`,"volumeMounts":[{"name":"w","mountPath":"/a"}]`)), apply("m", one(`,"volumeMounts":[{"name":"v","mountPath":"/b"}]`)))
	deploy("volumes", "", apply("m", pod(`"volumes":[{"name":"v","emptyDir":{}},{"name":"w","configMap":{"name":"c","items":[{"key":"k","path":"p"}]}}]`)), apply("n", pod(`"volumes":[{"name":"w","configMap":{"items":[{"key":"k","path":"q"}]}}]`)), apply("m", pod(`"volumes":[{"name":"v","hostPath":{"path":"/x"}}]`)))
	deploy("volume changes its kind with two owners", "", apply("m", pod(`"volumes":[{"name":"v","emptyDir":{"medium":"Memory"}}]`)), apply("n", pod(`"volumes":[{"name":"v","emptyDir":{}}]`)), apply("m", pod(`"volumes":[{"name":"v","hostPath":{"path":"/x"}}]`)), apply("n", `{}`))
	deploy("projected volume", "", apply("m", pod(`"volumes":[{"name":"v","projected":{"sources":[{"secret":{"name":"a"}},{"configMap":{"name":"b"}}],"defaultMode":420}}]`)), apply("n", pod(`"volumes":[{"name":"v","projected":{"sources":[{"secret":{"name":"a"}}]}}]`)))
	deploy("tolerations are a value", "", apply("m", pod(`"tolerations":[{"key":"a"}]`)), apply("n", pod(`"tolerations":[{"key":"a"},{"key":"b"}]`)), apply("n", pod(`"tolerations":[{"key":"a"}]`)), apply("m", pod(`"tolerations":[]`)), apply("n", pod(`"tolerations":null`)))
	deploy("nodeSelector is a value", "", apply("m", pod(`"nodeSelector":{"a":"1"}`)), apply("n", pod(`"nodeSelector":{"b":"1"}`)), force("n", pod(`"nodeSelector":{"b":"1"}`)), apply("n", pod(`"nodeSelector":{}`)), apply("n", `{}`))
	deploy("affinity", "", apply("m", pod(`"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]},"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{"matchFields":[]}}]}}`)), apply("n", pod(`"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"z"}]}}`)), apply("n", pod(`"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}`)), apply("m", pod(`"affinity":{}`)))
	deploy("security context", "", apply("m", pod(`"securityContext":{"runAsUser":1,"supplementalGroups":[1,2],"sysctls":[{"name":"a","value":"b"}]}`)), apply("n", pod(`"securityContext":{"runAsGroup":1,"supplementalGroups":[2]}`)), apply("m", pod(`"securityContext":{}`)), apply("m", `{}`))
	deploy("pull secrets and aliases", "", apply("m", pod(`"imagePullSecrets":[{"name":"a"}],"hostAliases":[{"ip":"1.1.1.1","hostnames":["a"]}]`)), apply("n", pod(`"imagePullSecrets":[{"name":"b"},{"name":"a"}],"hostAliases":[{"ip":"1.1.1.1","hostnames":["b"]}]`)), apply("n", pod(`"imagePullSecrets":[{"name":"b"},{"name":"a"}]`)), apply("m", `{}`))
	deploy("topology spread", "", apply("m", pod(`"topologySpreadConstraints":[{"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule","maxSkew":1},{"topologyKey":"z","whenUnsatisfiable":"ScheduleAnyway","maxSkew":2}]`)), apply("n", pod(`"topologySpreadConstraints":[{"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule","maxSkew":3}]`)), apply("m", pod(`"topologySpreadConstraints":[{"topologyKey":"z","maxSkew":2,"whenUnsatisfiable":"ScheduleAnyway"}]`)))
	deploy("strategy", "", apply("m", `{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"maxUnavailable":"25%"}}}}`), apply("n", `{"spec":{"strategy":{"rollingUpdate":{"maxSurge":"1"}}}}`), apply("m", `{"spec":{"strategy":{"type":"Recreate"}}}`), apply("m", `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`), apply("m", `{"spec":{"strategy":{}}}`))
	deploy("status at the main endpoint", "", apply("m", `{"spec":{"replicas":1},"status":{"replicas":5}}`), change("u", `{"status":{"replicas":6}}`), apply("m", `{"spec":{"replicas":1}}`))
	deploy("status at its endpoint", "", apply("m", `{"spec":{"replicas":1}}`), change("c", `{"spec":{"replicas":7},"metadata":{"labels":{"x":"y"}},"status":{"replicas":1,"conditions":[{"type":"Available","status":"True"}]}}`).on("status", path("spec"), path("metadata", "labels")), apply("d", `{"spec":{"replicas":8},"status":{"conditions":[{"type":"Available","status":"False"},{"type":"Progressing","status":"True"}]}}`).on("status", path("spec"), path("metadata", "labels")), force("d", `{"status":{"conditions":[{"type":"Available","status":"False"}]}}`).on("status", path("spec"), path("metadata", "labels")), change("c", `{"status":{"conditions":null}}`).on("status", path("spec"), path("metadata", "labels")))
	deploy("one manager at both endpoints", "", apply("m", `{"spec":{"replicas":1}}`), apply("m", `{"status":{"replicas":1}}`).on("status", path("spec")), change("m", `{"status":{"readyReplicas":1}}`).on("status", path("spec")), apply("m", `{"spec":{"replicas":1}}`), apply("m", `{}`).on("status", path("spec")), apply("n", `{"status":{"readyReplicas":2}}`).on("status", path("spec")))

	s.serviceFamilies()
	s.nodeFamilies()
	s.podFamilies()
}

// serverFamilies are carried out by a whole server: replicas set through the subresource, which is a part of it.
// All objects are valid, and have their defaults.
func (s *applySet) serverFamilies() {
	spec := func(replicas string) string {
		return fmt.Sprintf(`{"spec":{%s"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:1"},{"name":"b","image":"b:1"}]}}}}`, replicas)
	}
	base, bare := spec(`"replicas":2,`), spec("")
	scale := func(name string, steps ...step) {
		s.addDefaulted("scale: "+name, "apps/v1", "Deployment", "", steps...)
	}
	at := func(replicas int) string { return fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas) }
	applied := func(replicas int) string {
		return fmt.Sprintf(`{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"it"},"spec":{"replicas":%d}}`, replicas)
	}
	untracked := mergePatch(parse(base), parse(`{"metadata":{"managedFields":[]}}`)).(object)
	scale("takes replicas from an applier", apply("m", base), scaleTo("kubectl", at(5)), apply("m", base), force("m", base))
	scale("takes replicas from a creator", create("u", base), scaleTo("kubectl", at(5)), scaleTo("kubectl", at(6)), change("u", at(7)))
	scale("changes nothing", apply("m", base), scaleTo("kubectl", at(2)))
	scale("takes all that a manager has", apply("m", bare), apply("n", at(1)), scaleTo("hpa", at(3)), apply("n", at(1)))
	scale("by apply", apply("m", base), scaleApply("hpa", applied(2)), scaleApply("hpa", applied(4)))
	scale("by apply without owner", apply("m", bare), scaleApply("hpa", applied(4)), scaleApply("hpa", applied(4)), apply("m", base))
	scale("an untracked object", create("u", base), put("u", string(toJSON(untracked))), scaleTo("kubectl", at(5)))
	web := `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"it"},"spec":` + string(toJSON(parse(base)["spec"])) + `}`
	changed := `{"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:2"},{"name":"c","image":"c:1"}]}}}}`
	scale("what client-side apply set", create("kubectl-client-side-apply", withAnnotation(web, web)), scaleTo("kubectl", at(4)), apply("kubectl", changed), force("kubectl", changed))
	scale("nobody, an update takes it", apply("m", bare), change("u", at(3)), apply("m", base), apply("m", bare))
}

func (s *applySet) serviceFamilies() {
	service := func(name, start string, steps ...step) { s.add("Service: "+name, "v1", "Service", start, steps...) }
	ports := func(text string) string { return `{"spec":{"ports":[` + text + `]}}` }
	service("ports by number and protocol", "", apply("m", ports(`{"port":53,"protocol":"UDP","name":"u"},{"port":53,"name":"t"}`)), apply("n", ports(`{"port":53,"protocol":"TCP","name":"x"}`)), force("n", ports(`{"port":53,"protocol":"TCP","name":"x"}`)), apply("m", ports(`{"port":53,"protocol":"UDP","name":"u"}`)), apply("n", `{}`))
	service("protocol written later", "", apply("m", ports(`{"port":80}`)), apply("m", ports(`{"port":80,"protocol":"TCP"}`)), apply("m", ports(`{"port":80}`)))
	service("port renumbered", "", apply("m", ports(`{"port":80,"name":"http","targetPort":8080}`)), apply("m", ports(`{"port":81,"name":"http","targetPort":"web"}`)))
	service("targetPort of another type", "", apply("m", ports(`{"port":80,"targetPort":8080}`)), apply("n", ports(`{"port":80,"targetPort":"8080"}`)))
	service("selector is a value", "", apply("m", `{"spec":{"selector":{"a":"b"}}}`), apply("n", `{"spec":{"selector":{"a":"b","c":"d"}}}`), force("n", `{"spec":{"selector":{"a":"b","c":"d"}}}`), apply("n", `{"spec":{"selector":{}}}`), apply("n", `{"spec":{"selector":null}}`))
	service("nodePort set by the server", `{"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":80,"nodePort":30080}],"type":"NodePort","clusterIP":"10.0.0.1"}}`, apply("m", ports(`{"port":80,"targetPort":80}`)), apply("m", ports(`{"port":81,"targetPort":80}`)))
	service("load balancer", "", create("u", `{"spec":{"type":"LoadBalancer"}}`), change("lb", `{"status":{"loadBalancer":{"ingress":[{"ip":"1.1.1.1","ports":[{"port":80,"protocol":"TCP"}]}]},"conditions":[{"type":"Ready","status":"True","reason":"R","message":"","lastTransitionTime":"2001-01-01T00:00:00Z"}]}}`).on("status", path("spec")), apply("m", `{"status":{"loadBalancer":{"ingress":[{"ip":"2.2.2.2"}]}}}`).on("status", path("spec")))
	service("lists of addresses are values", "", apply("m", `{"spec":{"externalIPs":["1.1.1.1"],"ipFamilies":["IPv4"],"clusterIPs":["10.0.0.1"],"loadBalancerSourceRanges":["0.0.0.0/0"]}}`), apply("n", `{"spec":{"externalIPs":["2.2.2.2"],"ipFamilies":["IPv4"]}}`))
	service("session affinity", "", apply("m", `{"spec":{"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10}}}}`), apply("m", `{"spec":{"sessionAffinity":"None"}}`))
	service("ports twice in the object", `{"spec":{"ports":[{"port":80,"protocol":"TCP","name":"a"},{"port":80,"protocol":"TCP","name":"b"},{"port":81,"protocol":"TCP"}]}}`, apply("m", ports(`{"port":81}`)), apply("m", ports(`{"port":80,"name":"c"}`)))
	service("ports twice by update", "", create("u", ports(`{"port":80,"protocol":"TCP","name":"a"}`)), change("v", ports(`{"port":80,"protocol":"TCP","name":"a"},{"port":80,"protocol":"TCP","name":"b"}`)), change("w", ports(`{"port":80,"protocol":"TCP","name":"c"},{"port":80,"protocol":"TCP","name":"b"}`)), change("x", ports(`{"port":80,"protocol":"TCP","name":"b"}`)))
	service("ports twice and gone", `{"spec":{"ports":[{"port":80,"protocol":"TCP","name":"a"},{"port":80,"protocol":"TCP","name":"b"},{"port":82,"protocol":"TCP"}]}}`, apply("m", ports(`{"port":82,"name":"x"}`)), change("u", ports(`{"port":82,"protocol":"TCP","name":"x"}`)), force("m", ports(`{"port":80}`)))
}

func (s *applySet) nodeFamilies() {
	node := func(name, start string, steps ...step) { s.add("Node: "+name, "v1", "Node", start, steps...) }
	status := func(one step) step { return one.on("status", path("spec")) }
	node("taints are a value", "", create("kubelet", `{"metadata":{"labels":{"a":"b"}},"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}}`), apply("m", `{"spec":{"taints":[{"key":"b","effect":"NoSchedule"}]}}`), force("m", `{"spec":{"taints":[{"key":"b","effect":"NoSchedule"}]}}`), apply("m", `{}`))
	node("podCIDRs are a set", "", apply("m", `{"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24"]}}`), apply("n", `{"spec":{"podCIDRs":["fd00::/64","10.0.0.0/24"]}}`), apply("m", `{}`))
	node("cordon", "", create("kubelet", `{"spec":{}}`), change("kubectl", `{"spec":{"unschedulable":true}}`), apply("m", `{"spec":{"unschedulable":false}}`), force("m", `{"spec":{"unschedulable":false}}`))
	node("conditions and addresses", "", create("kubelet", `{}`),
		status(change("kubelet", `{"status":{"addresses":[{"type":"InternalIP","address":"1"}],"conditions":[{"type":"Ready","status":"True"},{"type":"DiskPressure","status":"False"}],"capacity":{"cpu":"4"}}}`)),
		status(apply("npd", `{"status":{"conditions":[{"type":"KernelDeadlock","status":"False"}]}}`)),
		status(apply("npd", `{"status":{"conditions":[{"type":"Ready","status":"False"}],"addresses":[{"type":"InternalIP","address":"2"}]}}`)),
		status(force("npd", `{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`)),
		status(change("kubelet", `{"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"DiskPressure","status":"True"}]}}`)))
	node("capacity", "", create("kubelet", `{"status":{"capacity":{"cpu":"4","memory":"1Gi"}}}`), status(apply("m", `{"status":{"capacity":{"example.com/gpu":"1"},"allocatable":{"cpu":"3"}}}`)), status(apply("m", `{"status":{"capacity":{"cpu":"4"}}}`)), status(apply("m", `{}`)))
	node("images are a value", "", create("kubelet", `{"status":{"images":[{"names":["a"],"sizeBytes":1}]}}`), status(apply("m", `{"status":{"images":[{"names":["b"]}]}}`)))
}

func (s *applySet) podFamilies() {
	pod := func(name, start string, steps ...step) { s.add("Pod: "+name, "v1", "Pod", start, steps...) }
	base := `{"spec":{"containers":[{"name":"a","image":"a:1"}]}}`
	pod("created by update", "", create("u", `{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:1","env":[{"name":"A","value":"1"}],"ports":[{"containerPort":80,"protocol":"TCP"}],"resources":{"limits":{"cpu":"1"}}}],"volumes":[{"name":"v","emptyDir":{}}],"securityContext":{}}}`))
	pod("ephemeral containers", "", create("u", base), change("debug", `{"spec":{"ephemeralContainers":[{"name":"d","image":"busybox","targetContainerName":"a"}]}}`).on("ephemeralcontainers"), apply("m", `{"spec":{"ephemeralContainers":[{"name":"d","image":"x"}]}}`).on("ephemeralcontainers"))
	pod("status by a kubelet", "", create("u", base), change("kubelet", `{"status":{"phase":"Running","podIP":"1.1.1.1","podIPs":[{"ip":"1.1.1.1"}],"hostIPs":[{"ip":"2.2.2.2"}],"conditions":[{"type":"Ready","status":"True"},{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"a","ready":true,"restartCount":0,"image":"a:1","imageID":""}]}}`).on("status", path("spec"), path("metadata", "ownerReferences")), change("kubelet", `{"status":{"podIPs":[{"ip":"1.1.1.1"},{"ip":"fd00::1"}],"conditions":[{"type":"Ready","status":"False"},{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"a","ready":false,"restartCount":1,"image":"a:1","imageID":""}]}}`).on("status", path("spec"), path("metadata", "ownerReferences")), apply("gate", `{"status":{"conditions":[{"type":"example.com/ready","status":"True"}]}}`).on("status", path("spec")))
	pod("binding", "", create("u", base), change("kube-scheduler", `{"spec":{"nodeName":"n1"},"status":{"conditions":[{"type":"PodScheduled","status":"True"}]}}`).on("binding"), apply("m", `{"spec":{"nodeName":"n2"}}`))
	pod("restart policy and numbers", "", apply("m", `{"spec":{"restartPolicy":"Never","terminationGracePeriodSeconds":0,"containers":[{"name":"a"}]}}`), apply("n", `{"spec":{"terminationGracePeriodSeconds":0,"activeDeadlineSeconds":5}}`), apply("m", `{"spec":{"containers":[{"name":"a"}]}}`))
	pod("scheduling gates and claims", "", apply("m", `{"spec":{"schedulingGates":[{"name":"a"},{"name":"b"}],"resourceClaims":[{"name":"r","resourceClaimName":"x"}],"containers":[{"name":"a","resources":{"claims":[{"name":"r"}]}}]}}`), change("u", `{"spec":{"schedulingGates":[{"name":"b"}]}}`), apply("m", `{"spec":{"schedulingGates":[{"name":"b"}],"containers":[{"name":"a"}]}}`))
	pod("dns and overhead", "", apply("m", `{"spec":{"dnsConfig":{"nameservers":["1.1.1.1"],"options":[{"name":"ndots","value":"2"}]},"overhead":{"cpu":"1m"},"containers":[]}}`), apply("n", `{"spec":{"dnsConfig":{"nameservers":["2.2.2.2"],"searches":["a"]},"overhead":{"memory":"1Mi"}}}`), apply("n", `{"spec":{"dnsConfig":{"searches":["a"]}}}`))
	pod("claimed by init containers", "", apply("m", `{"spec":{"initContainers":[{"name":"i","image":"x","restartPolicy":"Always"}],"containers":[{"name":"a"}]}}`), apply("n", `{"spec":{"initContainers":[{"name":"j"},{"name":"i"}]}}`), apply("m", base))
	pod("security context of a container", "", apply("m", `{"spec":{"containers":[{"name":"a","securityContext":{"capabilities":{"add":["NET_ADMIN"],"drop":["ALL"]},"seLinuxOptions":{"level":"s0"}}}]}}`), apply("n", `{"spec":{"containers":[{"name":"a","securityContext":{"capabilities":{"add":["SYS_TIME"]}}}]}}`), apply("m", `{"spec":{"containers":[{"name":"a","securityContext":{"capabilities":{}}}]}}`))
}
