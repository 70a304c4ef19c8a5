// Strategic merge families for lists: every list with a merge key of the common
// kinds goes through the same operations, and so do lists of primitives.
package main

import (
	"fmt"
	"strings"
)

// keyedList is a list with a merge key: where it stands, three items, and a change of the first.
type keyedList struct {
	name, typeName string
	// frame is an object with %s in the place of the fields beside the list.
	frame, field, key string
	a, b, c           string
	// change is a patch of a; delta its fields beside the key, "" for items that have only a key.
	change string
}

var keyedLists = []keyedList{
	{"containers", "core.v1.Pod", `{"spec":{%s}}`, "containers", "name", `{"name":"a","image":"a:1","args":["x"]}`, `{"name":"b","image":"b:1"}`, `{"name":"c","image":"c:1"}`, `{"name":"a","image":"a:2","tty":true}`},
	{"initContainers", "apps.v1.Deployment", `{"spec":{"template":{"spec":{%s}}}}`, "initContainers", "name", `{"name":"a","image":"a:1"}`, `{"name":"b","image":"b:1"}`, `{"name":"c","image":"c:1"}`, `{"name":"a","image":null,"command":["sh"]}`},
	{"env", "core.v1.Pod", `{"spec":{"containers":[{"name":"m",%s}]}}`, "env", "name", `{"name":"A","value":"1"}`, `{"name":"B","value":"2"}`, `{"name":"C","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}`, `{"name":"A","value":null,"valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}`},
	{"ports", "apps.v1.StatefulSet", `{"spec":{"template":{"spec":{"containers":[{"name":"m",%s}]}}}}`, "ports", "containerPort", `{"containerPort":80,"name":"http","protocol":"TCP"}`, `{"containerPort":443,"name":"https","protocol":"TCP"}`, `{"containerPort":53,"name":"dns","protocol":"UDP"}`, `{"containerPort":80,"name":"web"}`},
	{"volumeMounts", "apps.v1.DaemonSet", `{"spec":{"template":{"spec":{"containers":[{"name":"m",%s}]}}}}`, "volumeMounts", "mountPath", `{"mountPath":"/a","name":"v"}`, `{"mountPath":"/b","name":"v","subPath":"x"}`, `{"mountPath":"/c","name":"w"}`, `{"mountPath":"/a","readOnly":true}`},
	{"volumes", "core.v1.Pod", `{"spec":{%s}}`, "volumes", "name", `{"name":"a","emptyDir":{"medium":"Memory"}}`, `{"name":"b","configMap":{"name":"b","items":[{"key":"k","path":"p"}]}}`, `{"name":"c","hostPath":{"path":"/c"}}`, `{"name":"a","$retainKeys":["name","secret"],"secret":{"secretName":"s"}}`},
	{"secrets", "core.v1.ServiceAccount", `{%s}`, "secrets", "name", `{"name":"a"}`, `{"name":"b"}`, `{"name":"c"}`, `{"name":"a","namespace":"n"}`},
	{"hostAliases", "core.v1.Pod", `{"spec":{%s}}`, "hostAliases", "ip", `{"ip":"10.0.0.1","hostnames":["a"]}`, `{"ip":"10.0.0.2","hostnames":["b"]}`, `{"ip":"10.0.0.3","hostnames":["c","d"]}`, `{"ip":"10.0.0.1","hostnames":["e"]}`},
	{"spread", "core.v1.Pod", `{"spec":{%s}}`, "topologySpreadConstraints", "topologyKey", `{"topologyKey":"zone","maxSkew":1,"whenUnsatisfiable":"DoNotSchedule"}`, `{"topologyKey":"host","maxSkew":1,"whenUnsatisfiable":"DoNotSchedule"}`, `{"topologyKey":"rack","maxSkew":2,"whenUnsatisfiable":"ScheduleAnyway"}`, `{"topologyKey":"zone","maxSkew":3}`},
	{"servicePorts", "core.v1.Service", `{"spec":{%s}}`, "ports", "port", `{"port":80,"name":"http","targetPort":8080}`, `{"port":443,"name":"https","targetPort":"tls"}`, `{"port":53,"name":"dns","protocol":"UDP"}`, `{"port":80,"targetPort":"web","nodePort":null}`},
	{"conditions", "core.v1.Node", `{"status":{%s}}`, "conditions", "type", `{"type":"Ready","status":"True"}`, `{"type":"MemoryPressure","status":"False"}`, `{"type":"DiskPressure","status":"False"}`, `{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown"}`},
	{"addresses", "core.v1.Node", `{"status":{%s}}`, "addresses", "type", `{"type":"InternalIP","address":"10.0.0.1"}`, `{"type":"Hostname","address":"n"}`, `{"type":"ExternalIP","address":"1.2.3.4"}`, `{"type":"InternalIP","address":"10.0.0.2"}`},
	{"ownerReferences", "core.v1.ConfigMap", `{"metadata":{%s}}`, "ownerReferences", "uid", `{"uid":"1","apiVersion":"v1","kind":"Pod","name":"a"}`, `{"uid":"2","apiVersion":"v1","kind":"Pod","name":"b"}`, `{"uid":"3","apiVersion":"v1","kind":"Pod","name":"c"}`, `{"uid":"1","controller":true}`},
	{"deploymentConditions", "apps.v1.Deployment", `{"status":{%s}}`, "conditions", "type", `{"type":"Available","status":"True"}`, `{"type":"Progressing","status":"True"}`, `{"type":"ReplicaFailure","status":"False"}`, `{"type":"Available","status":"False","message":"m"}`},
	{"jobConditions", "batch.v1.Job", `{"status":{%s}}`, "conditions", "type", `{"type":"Complete","status":"True"}`, `{"type":"Suspended","status":"False"}`, `{"type":"Failed","status":"False"}`, `{"type":"Complete","reason":"R"}`},
	{"webhooks", "admissionregistration.v1.ValidatingWebhookConfiguration", `{%s}`, "webhooks", "name", `{"name":"a.example.com","sideEffects":"None"}`, `{"name":"b.example.com","sideEffects":"None"}`, `{"name":"c.example.com","sideEffects":"Some"}`, `{"name":"a.example.com","timeoutSeconds":5}`},
}

// keyOf is the item with nothing but its merge key.
func (l keyedList) keyOf(item string) string {
	return fmt.Sprintf(`{%q:%s}`, l.key, toJSON(parse(item)[l.key]))
}

// with adds fields to an item.
func with(item, fields string) string { return strings.TrimSuffix(item, "}") + "," + fields + "}" }

func (l keyedList) object(fields string) object {
	if fields == "" {
		return parse(strings.Replace(strings.Replace(l.frame, ",%s", "", 1), "%s", "", 1))
	}
	return parse(fmt.Sprintf(l.frame, fields))
}

func (l keyedList) list(items ...string) string {
	return fmt.Sprintf(`%q:[%s]`, l.field, strings.Join(items, ","))
}

func (l keyedList) order(items ...string) string {
	keys := make([]string, len(items))
	for index, item := range items {
		keys[index] = l.keyOf(item)
	}
	return fmt.Sprintf(`"$setElementOrder/%s":[%s]`, l.field, strings.Join(keys, ","))
}

func (l keyedList) delete(item string) string { return with(l.keyOf(item), `"$patch":"delete"`) }

func (s *mergeSet) listFamilies() {
	for _, list := range keyedLists {
		s.keyedFamily(list)
	}
	for index, list := range keyedLists {
		// The rarer operations do not depend on the kind: four lists stand for all.
		if index%4 == 0 {
			s.orderFamily(list)
			s.brokenFamily(list)
		}
	}
	s.primitiveFamily("finalizers", "core.v1.ConfigMap", `{"metadata":{%s}}`, "finalizers")
	s.primitiveFamily("podCIDRs", "core.v1.Node", `{"spec":{%s}}`, "podCIDRs")
	s.primitiveFamily("accessModes", "core.v1.PersistentVolumeClaim", `{"spec":{%s}}`, "accessModes")
}

// keyedFamily: what clients do every day with lists that have a merge key.
func (s *mergeSet) keyedFamily(l keyedList) {
	a, b, c := l.a, l.b, l.c
	abc := l.list(a, b, c)
	for _, test := range []struct{ name, original, patch string }{
		{"change one", abc, l.list(l.change)},
		{"add one", l.list(a, b), l.list(c)},
		{"add before", l.list(b, c), l.list(a)},
		{"change and add", l.list(a, b), l.list(c, l.change)},
		{"change and add, other way round", l.list(a, b), l.list(l.change, c)},
		{"to a missing list", ``, l.list(a, b)},
		{"to an empty list", l.list(), l.list(l.change, b)},
		{"an empty list", abc, l.list()},
		{"delete one", abc, l.list(l.delete(b))},
		{"delete first, change last", abc, l.list(l.delete(a), c)},
		{"delete one that is not there", l.list(a, b), l.list(l.delete(c))},
		{"delete all", l.list(a, b), l.list(l.delete(a), l.delete(b))},
		{"delete and add the same", l.list(a, b), l.list(l.delete(a), a)},
		{"delete in a missing list", ``, l.list(l.delete(a))},
		{"replace the list", abc, l.list(`{"$patch":"replace"}`, c)},
		{"replace the list, directive last", abc, l.list(c, a, `{"$patch":"replace"}`)},
		{"replace the list by nothing", abc, l.list(`{"$patch":"replace"}`)},
		{"null list", abc, fmt.Sprintf(`%q:null`, l.field)},
		{"reorder", abc, l.order(c, a, b)},
		{"reorder and change", abc, l.order(b, a, c) + "," + l.list(l.change)},
		{"delete with order", abc, l.order(a, c) + "," + l.list(l.delete(b))},
		{"add with order", l.list(a, c), l.order(a, b, c) + "," + l.list(b)},
	} {
		s.add(l.name+": "+test.name, l.typeName, l.object(test.original), l.object(test.patch))
	}
}

// orderFamily: $setElementOrder with items that one side does not know.
func (s *mergeSet) orderFamily(l keyedList) {
	a, b, c := l.a, l.b, l.c
	abc := l.list(a, b, c)
	for _, test := range []struct{ name, original, patch string }{
		{"order of a part", abc, l.order(c, a)},
		{"order of one", abc, l.order(b)},
		{"empty order", abc, `"$setElementOrder/` + l.field + `":[]`},
		{"order names what is nowhere", l.list(a, b), l.order(b, c, a)},
		{"order for a missing list", ``, l.order(a, b)},
		{"order with a new list", ``, l.order(b, a) + "," + l.list(a, b)},
		{"order and new list that agree", ``, l.order(a, b) + "," + l.list(a, b)},
		{"order lacks an item of the patch", abc, l.order(a, b) + "," + l.list(c)},
		{"order against the patch", abc, l.order(b, a) + "," + l.list(a, b)},
		{"order with the server's own item first", l.list(c, a, b), l.order(b, a) + "," + l.list(l.change)},
		{"order with the server's own item last", l.list(a, b, c), l.order(b, a) + "," + l.list(l.change)},
		{"order with the server's own item between", l.list(a, c, b), l.order(a, b) + "," + l.list(l.change)},
		{"order and replace", abc, l.order(b, a) + "," + l.list(`{"$patch":"replace"}`, b, a)},
		{"order and replace, directive last", abc, l.order(b, a) + "," + l.list(b, a, `{"$patch":"replace"}`)},
		{"order and delete of what is listed", abc, l.order(a, b, c) + "," + l.list(l.delete(b))},
		{"order with whole items", abc, `"$setElementOrder/` + l.field + `":[` + c + `,` + b + `,` + a + `]`},
		{"order without the key", abc, `"$setElementOrder/` + l.field + `":[{"other":"x"}]`},
		{"order of primitives", abc, `"$setElementOrder/` + l.field + `":["a"]`},
		{"order that is no list", abc, `"$setElementOrder/` + l.field + `":{}`},
		{"order that is null", abc, `"$setElementOrder/` + l.field + `":null`},
		{"order of nothing named", abc, `"$setElementOrder":[]`},
		{"order twice the same", abc, l.order(c, a, c)},
		{"order deletes by leaving out", abc, l.order(a, b) + "," + l.list(l.change)},
		{"order with all deleted", l.list(a, b), `"$setElementOrder/` + l.field + `":[],` + l.list(l.delete(a), l.delete(b))},
	} {
		s.add(l.name+": "+test.name, l.typeName, l.object(test.original), l.object(test.patch))
	}
}

// brokenFamily: patches and objects that are not what they should be.
func (s *mergeSet) brokenFamily(l keyedList) {
	a, b, c := l.a, l.b, l.c
	abc := l.list(a, b, c)
	for _, test := range []struct{ name, original, patch string }{
		{"item without its key", abc, l.list(`{"x":"y"}`)},
		{"item without its key, new list", ``, l.list(`{"x":"y"}`)},
		{"delete without a key", abc, l.list(`{"$patch":"delete"}`)},
		{"merge directive in an item", abc, l.list(with(l.change, `"$patch":"merge"`))},
		{"unknown directive in an item", abc, l.list(with(l.change, `"$patch":"append"`))},
		{"directive that is no string", abc, l.list(with(l.change, `"$patch":1`))},
		{"replace directive in an item with a key", abc, l.list(with(l.change, `"$patch":"replace"`))},
		{"primitive in the list", abc, l.list(`"a"`)},
		{"primitive among items", abc, l.list(l.change, `"a"`)},
		{"null in the list", abc, l.list(l.change, `null`)},
		{"list in the list", abc, l.list(`[]`)},
		{"string for the list", abc, fmt.Sprintf(`%q:"x"`, l.field)},
		{"map for the list", abc, fmt.Sprintf(`%q:{"a":"b"}`, l.field)},
		{"map for a missing list", ``, fmt.Sprintf(`%q:{"a":"b"}`, l.field)},
		{"key of another type", abc, l.list(fmt.Sprintf(`{%q:true}`, l.key))},
		{"key that is null", abc, l.list(fmt.Sprintf(`{%q:null,"x":"y"}`, l.key))},
		{"the same item twice in the patch", l.list(b), l.list(a, l.change)},
		{"the same item twice in the patch, known", abc, l.list(l.change, a)},
		{"the same item twice in the object", l.list(a, b, a), l.list(l.change)},
		{"delete of what is twice in the object", l.list(a, b, a), l.list(l.delete(a))},
		{"item without its key in the object", l.list(a, `{"x":"y"}`), l.list(l.change)},
		{"primitive in the object", l.list(a, `"x"`), l.list(l.change)},
		{"null list in the object", fmt.Sprintf(`%q:null`, l.field), l.list(a)},
		{"string in the object", fmt.Sprintf(`%q:"x"`, l.field), l.list(a)},
		{"directive in an item of a new list", ``, l.list(a, l.delete(b))},
		{"replace in a new list", ``, l.list(a, `{"$patch":"replace"}`)},
		{"nulls in an item of a new list", ``, l.list(with(a, `"gone":null`))},
		{"nulls in a new item", l.list(b), l.list(with(a, `"gone":null`))},
		{"nulls under replace", abc, l.list(`{"$patch":"replace"}`, with(a, `"gone":null`))},
		{"deletion list of primitives", abc, fmt.Sprintf(`"$deleteFromPrimitiveList/%s":["a"]`, l.field)},
		{"deletion list of items", abc, fmt.Sprintf(`"$deleteFromPrimitiveList/%s":[%s]`, l.field, l.keyOf(a))},
	} {
		s.add(l.name+": "+test.name, l.typeName, l.object(test.original), l.object(test.patch))
	}
}

// primitiveFamily: lists of strings, merged or not.
func (s *mergeSet) primitiveFamily(name, typeName, frame, field string) {
	for _, test := range []struct{ name, original, patch string }{
		{"add", `F:["a","b"]`, `F:["c"]`},
		{"add what is there", `F:["a","b"]`, `F:["b","c"]`},
		{"add twice", `F:["a"]`, `F:["c","c"]`},
		{"add in another order", `F:["a","b"]`, `F:["c","b","a"]`},
		{"to a missing list", ``, `F:["a","b","a"]`},
		{"to an empty list", `F:[]`, `F:["b","a"]`},
		{"an empty list", `F:["a"]`, `F:[]`},
		{"both empty", `F:[]`, `F:[]`},
		{"null", `F:["a"]`, `F:null`},
		{"duplicates in the object", `F:["a","b","a","c"]`, `F:["d"]`},
		{"numbers", `F:["a"]`, `F:[1]`},
		{"numbers only", `F:[1,2]`, `F:[2,3]`},
		{"map", `F:["a"]`, `F:[{"x":"y"}]`},
		{"lists", `F:["a"]`, `F:[["b"]]`},
		{"null item", `F:["a"]`, `F:[null]`},
		{"delete", `F:["a","b","c"]`, `DF:["b"]`},
		{"delete several", `F:["a","b","c","b"]`, `DF:["b","a","x"]`},
		{"delete all", `F:["a"]`, `DF:["a"]`},
		{"delete from a missing list", ``, `DF:["a"]`},
		{"delete from null", `F:null`, `DF:["a"]`},
		{"delete nothing", `F:["a"]`, `DF:[]`},
		{"delete by a string", `F:["a"]`, `DF:"a"`},
		{"delete by null", `F:["a"]`, `DF:null`},
		{"delete from a string", `F:"a"`, `DF:["a"]`},
		{"delete with order", `F:["a","b","c"]`, `DF:["b"],OF:["c","a"]`},
		{"delete and add with order", `F:["a","b","c"]`, `DF:["b"],OF:["d","c","a"],F:["d"]`},
		{"order", `F:["a","b","c"]`, `OF:["c","b","a"]`},
		{"order of a part", `F:["a","b","c"]`, `OF:["c","a"]`},
		{"order and add", `F:["a","b"]`, `OF:["c","b","a"],F:["c"]`},
		{"order lacks the new", `F:["a","b"]`, `OF:["b","a"],F:["c"]`},
		{"order with a new list", ``, `OF:["b","a"],F:["b","a"]`},
		{"order against a new list", ``, `OF:["a","b"],F:["b","a"]`},
		{"order and server's items", `F:["s1","a","s2","b","s3"]`, `OF:["b","a"]`},
		{"order, add and server's items", `F:["s1","a","s2"]`, `OF:["n","a"],F:["n"]`},
		{"order that is empty", `F:["a"]`, `OF:[]`},
		{"order of maps", `F:["a"]`, `OF:[{"name":"a"}]`},
		{"directive item", `F:["a"]`, `F:[{"$patch":"replace"}]`},
	} {
		expand := strings.NewReplacer("DF:", `"$deleteFromPrimitiveList/`+field+`":`, "OF:", `"$setElementOrder/`+field+`":`, "F:", `"`+field+`":`)
		fill := func(fields string) object { return parse(fmt.Sprintf(frame, expand.Replace(fields))) }
		s.add(name+": "+test.name, typeName, fill(test.original), fill(test.patch))
	}
}
