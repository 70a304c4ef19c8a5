// Server-side-apply families of objects that client-side apply manages, and of
// a server that sets defaults.
package main

import "fmt"

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// annotated is a configuration as client-side apply sends it: with itself in an annotation.
func annotated(text string) string {
	value := parse(text)
	value["apiVersion"], value["kind"] = "v1", "ConfigMap"
	metadata, ok := value["metadata"].(object)
	if !ok {
		metadata = object{}
		value["metadata"] = metadata
	}
	metadata["name"] = "it"
	annotations, ok := metadata["annotations"].(object)
	if !ok {
		annotations = object{}
		metadata["annotations"] = annotations
	}
	return withAnnotation(string(toJSON(value)), string(toJSON(value))+"\n")
}

// withAnnotation puts the text given as last applied into a configuration.
func withAnnotation(text, last string) string {
	value := parse(text)
	metadata, ok := value["metadata"].(object)
	if !ok {
		metadata = object{}
		value["metadata"] = metadata
	}
	annotations, ok := metadata["annotations"].(object)
	if !ok {
		annotations = object{}
		metadata["annotations"] = annotations
	}
	annotations[lastApplied] = last
	return string(toJSON(value))
}

func (s *applySet) upgradeFamilies() {
	const client = "kubectl-client-side-apply"
	cm := func(name string, steps ...step) { s.add("client-side apply: "+name, "v1", "ConfigMap", "", steps...) }
	ab := annotated(`{"data":{"a":"1","b":"1"}}`)
	cm("kubectl applies the same", create(client, ab), apply("kubectl", `{"data":{"a":"1","b":"1"}}`))
	cm("kubectl applies a change", create(client, ab), apply("kubectl", `{"data":{"a":"2","b":"1"}}`), apply("kubectl", `{"data":{"a":"3"}}`))
	cm("kubectl drops a field", create(client, ab), apply("kubectl", `{"data":{"a":"1"}}`), apply("kubectl", `{}`))
	cm("kubectl with the annotation", create(client, ab), apply("kubectl", annotated(`{"data":{"a":"2"}}`)))
	cm("another manager conflicts", create(client, ab), apply("m", `{"data":{"a":"2"}}`))
	cm("another manager agrees", create(client, ab), apply("m", `{"data":{"a":"1"}}`))
	cm("drift by an updater", create(client, ab), change("u", `{"data":{"a":"5"}}`), apply("kubectl", `{"data":{"a":"2","b":"2"}}`), force("kubectl", `{"data":{"a":"2","b":"2"}}`))
	cm("drift back to what was applied", create(client, ab), change("u", `{"data":{"a":"5"}}`), change("v", `{"data":{"a":"1"}}`), apply("kubectl", `{"data":{"a":"2","b":"2"}}`))
	cm("removed by an updater", create(client, ab), change("u", `{"data":{"a":null}}`), change("v", `{"data":{"a":"7"}}`), apply("kubectl", `{"data":{"a":"2"}}`))
	cm("added by an updater", create(client, ab), change("u", `{"data":{"c":"1"}}`), apply("kubectl", `{"data":{"a":"2","c":"2"}}`))
	cm("annotation of another version", create(client, withAnnotation(`{"data":{"a":"1"}}`, `{"apiVersion":"v2","kind":"ConfigMap","metadata":{"name":"it"},"data":{"a":"1"}}`)), apply("kubectl", `{"data":{"a":"2"}}`))
	cm("annotation that is no JSON", create(client, withAnnotation(`{"data":{"a":"1"}}`, `nonsense`)), apply("kubectl", `{"data":{"a":"2"}}`))
	cm("annotation with an unknown field", create(client, withAnnotation(`{"data":{"a":"1"}}`, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"it"},"data":{"a":"1"},"zzz":1}`)), apply("kubectl", `{"data":{"a":"2"}}`))
	cm("empty annotation", create(client, withAnnotation(`{"data":{"a":"1"}}`, ``)), apply("kubectl", `{"data":{"a":"2"}}`), apply("kubectl", `{"data":{"a":"1"}}`))
	cm("annotation removed by apply", create(client, ab), force("kubectl", `{"metadata":{"annotations":{"`+lastApplied+`":null}},"data":{"a":"2"}}`))
	cm("client-side again", create(client, ab), apply("kubectl", `{"data":{"a":"2","b":"1"}}`), change(client, annotated(`{"data":{"a":"3","b":"1"}}`)), apply("kubectl", `{"data":{"a":"4","b":"1"}}`))
	cm("apply by kubectl without annotation", create("kubectl-create", `{"data":{"a":"1"}}`), apply("kubectl", `{"data":{"a":"2"}}`))
	cm("annotation with labels and keys that sort", create(client, annotated(`{"metadata":{"labels":{"z":"1","a":"<1>"}},"data":{"b":"ü\n\"","a":"1"}}`)), apply("kubectl", `{"metadata":{"labels":{"z":"1","a":"<2>&"}},"data":{"b":"ü\n\"","a":"2"}}`))

	web := `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"it"},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:1","ports":[{"containerPort":80}]}]}}}}`
	changed := `{"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:2","ports":[{"containerPort":80}]},{"name":"b","image":"b:1"}]}}}}`
	s.addDefaulted("client-side apply: deployment", "apps/v1", "Deployment", "", create(client, withAnnotation(web, web)), apply("kubectl", changed), apply("kubectl", `{"spec":{"selector":{"matchLabels":{"a":"b"}}}}`))

	s.defaultFamilies()
}

// defaultFamilies: defaults are the creator's when an object is created, and nobody's when it is applied.
func (s *applySet) defaultFamilies() {
	deploy := func(name, start string, steps ...step) {
		s.addDefaulted("defaults: Deployment, "+name, "apps/v1", "Deployment", start, steps...)
	}
	spec := func(more, container string) string {
		return fmt.Sprintf(`{"spec":{%s"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a:1"%s}]}}}}`, more, container)
	}
	deploy("create by apply", "", apply("m", spec("", "")), apply("m", spec("", "")))
	deploy("create by update", "", create("u", spec("", "")), apply("m", spec("", "")))
	deploy("take a default", "", apply("m", spec("", "")), apply("n", `{"spec":{"replicas":1}}`), apply("n", `{"spec":{"replicas":3}}`), apply("n", `{}`))
	deploy("change a default and give it up", "", apply("m", spec(`"replicas":3,`, "")), apply("m", spec("", "")))
	deploy("set a default to null", "", apply("m", spec(`"replicas":null,`, "")), apply("m", spec(`"replicas":2,`, "")))
	deploy("defaults inside an item", "", apply("m", spec("", `,"ports":[{"containerPort":80}]`)), apply("m", spec("", "")))
	deploy("an item dropped with its defaults", "", apply("m", spec("", "")), apply("n", `{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"b:1"}]}}}}`), apply("n", `{}`))
	deploy("an item dropped whose default another took", "", apply("m", spec("", "")), apply("n", `{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"b:1"}]}}}}`), apply("o", `{"spec":{"template":{"spec":{"containers":[{"name":"b","imagePullPolicy":"IfNotPresent"}]}}}}`), apply("n", `{}`))
	deploy("strategy to Recreate", "", apply("m", spec("", "")), apply("m", spec(`"strategy":{"type":"Recreate"},`, "")), apply("m", spec(`"strategy":{"type":"Recreate","rollingUpdate":null},`, "")))
	deploy("update of a default", "", apply("m", spec("", "")), change("u", `{"spec":{"revisionHistoryLimit":5}}`), apply("m", spec(`"revisionHistoryLimit":6,`, "")))
	service := func(name, start string, steps ...step) {
		s.addDefaulted("defaults: Service, "+name, "v1", "Service", start, steps...)
	}
	// The families are given: the server does not default them, it allocates them after fields are booked.
	spec = func(more, ports string) string {
		return fmt.Sprintf(`{"spec":{"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack",%s"ports":[%s]}}`, more, ports)
	}
	service("create by apply", "", apply("m", spec(`"selector":{"a":"b"},`, `{"port":80}`)), apply("m", spec(`"selector":{"a":"b"},`, `{"port":80}`)))
	service("create by update", "", create("u", spec("", `{"port":80}`)), apply("m", spec("", `{"port":80,"targetPort":8080}`)), force("m", spec("", `{"port":80,"targetPort":8080}`)), apply("m", spec("", `{"port":80}`)))
	service("default port and another's", "", apply("m", spec("", `{"port":80}`)), apply("n", spec("", `{"port":80,"targetPort":80},{"port":81}`)), apply("m", spec("", "")), apply("n", spec("", "")))
	service("type changes back", "", apply("m", spec(`"type":"NodePort",`, `{"port":80}`)), apply("m", spec("", `{"port":80}`)))
}
