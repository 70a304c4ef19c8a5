// Server-side-apply families on ConfigMaps and other plain kinds: who owns what,
// conflicts, force, sharing, removal, nulls, errors, managedFields by hand.
package main

func (s *applySet) basicFamilies() {
	cm := func(name, start string, steps ...step) {
		s.add("ConfigMap: "+name, "v1", "ConfigMap", start, steps...)
	}
	ab := `{"data":{"a":"1","b":"1"}}`
	cm("create", "", apply("m", ab))
	cm("create with nothing", "", apply("m", `{}`))
	cm("create with metadata", "", apply("m", `{"metadata":{"namespace":"n","labels":{"x":"1"},"annotations":{"y":"2"}},"data":{"a":"1"}}`))
	cm("the same twice", "", apply("m", ab), apply("m", ab))
	cm("the same by force", "", apply("m", ab), force("m", ab))
	cm("change own", "", apply("m", ab), apply("m", `{"data":{"a":"2","b":"1"}}`))
	cm("drop one", "", apply("m", ab), apply("m", `{"data":{"a":"1"}}`))
	cm("drop all", "", apply("m", ab), apply("m", `{}`))
	cm("drop all, data empty", "", apply("m", ab), apply("m", `{"data":{}}`))
	cm("drop all, data null", "", apply("m", ab), apply("m", `{"data":null}`))
	cm("drop and take back", "", apply("m", ab), apply("m", `{}`), apply("m", ab))
	cm("add one", "", apply("m", `{"data":{"a":"1"}}`), apply("m", ab))
	cm("conflict", "", apply("m", ab), apply("n", `{"data":{"a":"2"}}`))
	cm("two conflicts", "", apply("m", ab), apply("n", `{"data":{"a":"2","b":"2"}}`))
	cm("conflicts with two managers", "", apply("m", `{"data":{"a":"1"}}`), apply("n", `{"data":{"b":"1"}}`), apply("o", `{"data":{"a":"2","b":"2","c":"2"}}`))
	cm("conflicts with appliers and updaters", "", apply("m", ab), change("n", `{"data":{"b":"2","c":"2"}}`), apply("o", `{"data":{"a":"3","b":"3","c":"3"}}`))
	cm("force", "", apply("m", ab), force("n", `{"data":{"a":"2"}}`))
	cm("force takes all", "", apply("m", ab), force("n", `{"data":{"a":"2","b":"2"}}`))
	cm("after force the loser conflicts", "", apply("m", ab), force("n", `{"data":{"a":"2"}}`), apply("m", ab))
	cm("after force the loser drops", "", apply("m", ab), force("n", `{"data":{"a":"2"}}`), apply("m", `{"data":{"b":"1"}}`))
	cm("shared by the same value", "", apply("m", ab), apply("n", `{"data":{"a":"1"}}`))
	cm("shared, one drops", "", apply("m", ab), apply("n", ab), apply("m", `{"data":{"a":"1"}}`))
	cm("shared, both drop", "", apply("m", ab), apply("n", ab), apply("m", `{}`), apply("n", `{}`))
	cm("shared, one changes", "", apply("m", ab), apply("n", ab), apply("m", `{"data":{"a":"2","b":"1"}}`))
	cm("shared, one changes by force", "", apply("m", ab), apply("n", ab), force("m", `{"data":{"a":"2","b":"1"}}`))
	cm("hand over", "", apply("m", ab), apply("n", `{"data":{"b":"1"}}`), apply("m", `{"data":{"a":"1"}}`), apply("n", `{"data":{"b":"2"}}`))
	cm("disjoint owners", "", apply("m", `{"data":{"a":"1"}}`), apply("n", `{"data":{"b":"1"}}`), apply("m", `{}`), apply("n", `{}`))
	cm("labels and annotations", "", apply("m", `{"metadata":{"labels":{"a":"1","b":"1"},"annotations":{"c":"1"}}}`), apply("n", `{"metadata":{"labels":{"d":"1"}}}`), apply("m", `{"metadata":{"labels":{"a":"1"}}}`))
	cm("labels empty", "", apply("m", `{"metadata":{"labels":{}}}`), apply("n", `{"metadata":{"labels":{"a":"1"}}}`), apply("m", `{}`))
	cm("labels null", "", apply("m", `{"metadata":{"labels":null}}`), apply("n", `{"metadata":{"labels":{"a":"1"}}}`), apply("m", `{}`))
	cm("null entry", "", apply("m", `{"data":{"a":null,"b":"1"}}`), apply("n", `{"data":{"a":"1"}}`))
	cm("null for a field of another", "", apply("m", ab), apply("n", `{"data":{"a":null}}`), force("n", `{"data":{"a":null}}`))
	cm("null for data of another", "", apply("m", ab), apply("n", `{"data":null}`), force("n", `{"data":null}`))
	cm("empty data onto data", "", apply("m", ab), apply("n", `{"data":{}}`), apply("m", `{}`))
	cm("empty string", "", apply("m", `{"data":{"a":""}}`), apply("n", `{"data":{"a":""}}`), apply("m", `{"data":{"a":"x"}}`))
	cm("binaryData", "", apply("m", `{"binaryData":{"a":"AQ=="}}`), apply("n", `{"binaryData":{"a":"Ag=="}}`), force("n", `{"binaryData":{"a":"Ag==","b":""}}`))
	cm("immutable", "", apply("m", `{"immutable":false}`), apply("n", `{"immutable":true}`), force("n", `{"immutable":true}`), apply("n", `{}`))
	cm("keys with dots, slashes and quotes", "", apply("m", `{"metadata":{"labels":{"example.com/a.b":"1"}},"data":{"a\"b":"1","<&>":"1","ü":"1",".":"1","f:x":"1"}}`), apply("n", `{"data":{"a\"b":"2","<&>":"2","ü":"2",".":"2","f:x":"2"}}`))
	cm("identity fields are not owned", "", apply("m", `{"metadata":{"name":"it","namespace":"n","generateName":"g","selfLink":"s","generation":3,"resourceVersion":"","creationTimestamp":null,"uid":"`+uid+`"},"data":{"a":"1"}}`))
	cm("order of keys", "", apply("m", `{"data":{"b":"1","B":"1","a10":"1","a9":"1","a":"1","_":"1","-":"1","Z":"1"}}`))

	cm("created by update", "", create("m", `{"metadata":{"labels":{"x":"1"}},"data":{"a":"1"}}`))
	cm("update adds", "", create("m", ab), change("n", `{"data":{"c":"1"}}`))
	cm("update changes", "", create("m", ab), change("n", `{"data":{"a":"2"}}`))
	cm("update removes", "", create("m", ab), change("n", `{"data":{"a":null}}`))
	cm("update removes all", "", create("m", ab), change("n", `{"data":null}`))
	cm("update changes nothing", "", create("m", ab), change("n", `{}`))
	cm("update by the same manager", "", create("m", ab), change("m", `{"data":{"a":"2","c":"1"}}`))
	cm("update of what is applied", "", apply("m", ab), change("n", `{"data":{"a":"2"}}`), apply("m", ab), force("m", ab))
	cm("update removes what is applied", "", apply("m", ab), change("n", `{"data":{"a":null}}`), apply("m", ab))
	cm("update and apply by one name", "", create("m", ab), apply("m", `{"data":{"a":"2"}}`), force("m", `{"data":{"a":"2"}}`), change("m", `{"data":{"a":"3"}}`), apply("m", `{"data":{"a":"3"}}`))
	cm("apply of what was created", "", create("m", ab), apply("n", ab), apply("n", `{"data":{"a":"1"}}`), apply("n", `{}`))
	cm("apply does not remove what an updater owns", "", apply("m", ab), change("n", `{"data":{"a":"2"}}`), apply("m", `{"data":{"b":"1"}}`))
	cm("applied, removed by update, applied by another", "", apply("m", ab), change("n", `{"data":{"a":null}}`), apply("o", `{"data":{"a":"5"}}`), apply("m", ab))
	cm("no manager name", "", create("", ab), change("", `{"data":{"a":"2"}}`))
	cm("manager names with quotes and letters", "", apply(`a"b`, ab), apply("ü", ab), change("x y", `{"data":{"a":"2"}}`), apply("o", ab))
	cm("manager order", "", apply("z", `{"data":{"z":"1"}}`), apply("a", `{"data":{"a":"1"}}`), change("z", `{"data":{"c":"1"}}`), change("b", `{"data":{"d":"1"}}`), apply("z", `{"data":{"z":"2"}}`))
	cm("twelve updaters", "", create("u00", `{"data":{"k00":"1"}}`),
		change("u01", `{"data":{"k01":"1"}}`), change("u02", `{"data":{"k02":"1"}}`), change("u03", `{"data":{"k03":"1"}}`),
		change("u04", `{"data":{"k04":"1"}}`), change("u05", `{"data":{"k05":"1"}}`), change("u06", `{"data":{"k06":"1"}}`),
		change("u07", `{"data":{"k07":"1"}}`), change("u08", `{"data":{"k08":"1"}}`), change("u09", `{"data":{"k09":"1"}}`),
		change("u10", `{"data":{"k10":"1"}}`), change("u11", `{"data":{"k11":"1"}}`), change("u00", `{"data":{"k00":"2"}}`),
		apply("a", `{"data":{"k03":"2"}}`), change("u12", `{"data":{"k12":"1"}}`))
	cm("twelve appliers are not capped", "", apply("a0", `{"data":{"k0":"1"}}`), apply("a1", `{"data":{"k1":"1"}}`), apply("a2", `{"data":{"k2":"1"}}`),
		apply("a3", `{"data":{"k3":"1"}}`), apply("a4", `{"data":{"k4":"1"}}`), apply("a5", `{"data":{"k5":"1"}}`), apply("a6", `{"data":{"k6":"1"}}`),
		apply("a7", `{"data":{"k7":"1"}}`), apply("a8", `{"data":{"k8":"1"}}`), apply("a9", `{"data":{"k9":"1"}}`), apply("aa", `{"data":{"ka":"1"}}`), apply("ab", `{"data":{"kb":"1"}}`))
	s.metadataFamilies()
	s.untrackedFamilies()
	s.handFamilies()
	s.errorFamilies()
}

// metadataFamilies: sets and lists of the metadata.
func (s *applySet) metadataFamilies() {
	cm := func(name, start string, steps ...step) {
		s.add("metadata: "+name, "v1", "ConfigMap", start, steps...)
	}
	cm("finalizers", "", apply("m", `{"metadata":{"finalizers":["a/x","b/y"]}}`), apply("n", `{"metadata":{"finalizers":["b/y","c/z"]}}`), apply("m", `{"metadata":{"finalizers":["a/x"]}}`), apply("n", `{}`))
	cm("finalizers in another order", "", apply("m", `{"metadata":{"finalizers":["a/x","b/y","c/z"]}}`), apply("m", `{"metadata":{"finalizers":["c/z","a/x","b/y"]}}`))
	cm("finalizers between others", `{"metadata":{"finalizers":["s1/x","b/y","s2/x"]}}`, apply("n", `{"metadata":{"finalizers":["c/z","b/y","a/x"]}}`))
	cm("finalizers empty", "", apply("m", `{"metadata":{"finalizers":[]}}`), apply("m", `{"metadata":{"finalizers":["a/x"]}}`), apply("m", `{"metadata":{"finalizers":[]}}`))
	cm("finalizers null", "", apply("m", `{"metadata":{"finalizers":null}}`), apply("n", `{"metadata":{"finalizers":["a/x"]}}`), apply("m", `{}`))
	cm("finalizers null onto some", "", apply("m", `{"metadata":{"finalizers":["a/x"]}}`), apply("m", `{"metadata":{"finalizers":null}}`))
	cm("finalizers twice", "", apply("m", `{"metadata":{"finalizers":["a/x","a/x"]}}`))
	cm("finalizers twice in the object", "", create("u", `{"metadata":{"finalizers":["a/x","b/y","a/x"]}}`), apply("m", `{"metadata":{"finalizers":["b/y"]}}`), apply("m", `{"metadata":{"finalizers":["a/x"]}}`), change("u", `{"metadata":{"finalizers":["a/x","b/y"]}}`))
	cm("finalizers removed by update", "", apply("m", `{"metadata":{"finalizers":["a/x","b/y"]}}`), change("u", `{"metadata":{"finalizers":["b/y"]}}`), apply("m", `{"metadata":{"finalizers":["b/y"]}}`))
	cm("finalizers with letters that are escaped", "", apply("m", `{"metadata":{"finalizers":["a/<b>&'\"\\"]}}`), apply("n", `{"metadata":{"finalizers":["a/<b>&'\"\\"]}}`), apply("m", `{}`))
	owner := `{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u1"}`
	other := `{"apiVersion":"v1","kind":"Pod","name":"q","uid":"u2","controller":true}`
	cm("owners", "", apply("m", `{"metadata":{"ownerReferences":[`+owner+`]}}`), apply("n", `{"metadata":{"ownerReferences":[`+other+`]}}`), apply("m", `{}`))
	cm("owner is one value", "", apply("m", `{"metadata":{"ownerReferences":[`+owner+`]}}`), apply("n", `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"r","uid":"u1"}]}}`), force("n", `{"metadata":{"ownerReferences":[{"uid":"u1","name":"r"}]}}`))
	cm("owner without uid", "", apply("m", `{"metadata":{"ownerReferences":[{"name":"p"}]}}`))
	cm("owner twice", "", apply("m", `{"metadata":{"ownerReferences":[`+owner+`,`+owner+`]}}`))
	cm("deletion is not owned by apply", "", create("u", `{"metadata":{"finalizers":["a/x"]}}`), change("u", `{"metadata":{"deletionTimestamp":"2001-01-01T00:00:00Z","deletionGracePeriodSeconds":0}}`), apply("m", `{"metadata":{"labels":{"a":"1"}}}`))
	cm("annotations by two", "", apply("m", `{"metadata":{"annotations":{"a":"1"}}}`), change("u", `{"metadata":{"annotations":{"b":"1"}}}`), apply("m", `{}`), change("u", `{"metadata":{"annotations":null}}`))
}

// untrackedFamilies: objects that have no managedFields.
func (s *applySet) untrackedFamilies() {
	start := `{"metadata":{"labels":{"x":"1"}},"data":{"a":"1","b":"1"}}`
	cm := func(name string, steps ...step) { s.add("untracked: "+name, "v1", "ConfigMap", start, steps...) }
	cm("apply the same", apply("m", `{"data":{"a":"1"}}`))
	cm("apply something else", apply("m", `{"data":{"a":"2"}}`), force("m", `{"data":{"a":"2"}}`))
	cm("apply something new", apply("m", `{"data":{"c":"1"}}`), apply("m", `{}`))
	cm("apply all", apply("m", start), apply("m", `{}`))
	cm("apply nothing", apply("m", `{}`))
	cm("apply by force", force("m", `{"metadata":{"labels":{"x":"2"}},"data":{"a":"2","b":"2"}}`))
	cm("update", change("u", `{"data":{"a":"2"}}`), change("u", `{"data":{"c":"2"}}`))
	cm("update, then apply", change("u", `{"data":{"a":"2"}}`), apply("m", `{"data":{"a":"2","b":"1"}}`), change("u", `{"data":{"c":"2"}}`))
	cm("apply by kubectl", apply("kubectl", `{"data":{"a":"2"}}`))
	cm("apply, then update removes", apply("m", `{"data":{"a":"1"}}`), change("u", `{"data":null}`))
	s.add("untracked: status", "v1", "Pod", `{"spec":{"containers":[{"name":"a","image":"x"}]},"status":{"phase":"Running"}}`,
		apply("m", `{"status":{"phase":"Failed"}}`).on("status", path("spec")), force("m", `{"status":{"phase":"Failed"}}`).on("status", path("spec")), apply("n", `{"metadata":{"labels":{"a":"1"}}}`).keeping(path("status")))
	s.add("untracked: deployment", "apps/v1", "Deployment", `{"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"x","ports":[{"containerPort":80,"protocol":"TCP"}]}]}}},"status":{"replicas":2}}`,
		apply("m", `{"spec":{"replicas":3}}`).keeping(path("status")), force("m", `{"spec":{"replicas":3}}`).keeping(path("status")), apply("m", `{"spec":{"template":{"spec":{"containers":[{"name":"a","ports":[{"containerPort":80}]}]}}}}`).keeping(path("status")))
}

// handFamilies: managedFields that clients write themselves.
func (s *applySet) handFamilies() {
	entry := func(manager, operation, fields string) string {
		return `{"manager":"` + manager + `","operation":"` + operation + `","apiVersion":"v1","time":"2001-01-01T00:00:30Z","fieldsType":"FieldsV1","fieldsV1":` + fields + `}`
	}
	cm := func(name, start string, steps ...step) {
		s.add("managedFields: "+name, "v1", "ConfigMap", start, steps...)
	}
	ab := `{"data":{"a":"1","b":"1"}}`
	tracked := `{"metadata":{"managedFields":[` + entry("m", "Apply", `{"f:data":{"f:a":{},"f:b":{}}}`) + `]},"data":{"a":"1","b":"1"}}`
	cm("empty list resets", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[]},"data":{"a":"1","b":"1"}}`), change("u", `{"data":{"c":"1"}}`), apply("n", `{"data":{"a":"1"}}`))
	cm("one empty entry resets", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[{}]},"data":{"a":"1","b":"1"}}`))
	cm("reset with a change", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[]},"data":{"a":"2","b":"1"}}`))
	cm("reset by create", "", create("u", `{"metadata":{"managedFields":[]},"data":{"a":"1"}}`))
	cm("reset at a subresource", "", create("u", ab), put("u", `{"metadata":{"managedFields":[]},"data":{"a":"2"}}`).on("status"))
	cm("null is no reset", "", apply("m", ab), put("u", `{"metadata":{"managedFields":null},"data":{"a":"2","b":"1"}}`))
	cm("left out", "", apply("m", ab), put("u", ab))
	cm("own entries", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:a":{}}}`)+`]},"data":{"a":"1","b":"1"}}`), apply("m", `{"data":{"a":"2"}}`))
	cm("own entries with a change", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:a":{},"f:b":{}}}`)+`]},"data":{"a":"1","b":"2"}}`))
	cm("own entries at create", "", create("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:a":{}}}`)+`]},"data":{"a":"1","b":"2"}}`))
	cm("own entries at a subresource", tracked, put("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:a":{}}}`)+`]},"data":{"a":"1","b":"1"}}`).on("status"))
	cm("entry without operation", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[{"manager":"x","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{}}]},"data":{"a":"1","b":"1"}}`))
	cm("entry of another fieldsType", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[{"manager":"x","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{}}]},"data":{"a":"1","b":"2"}}`))
	cm("entry without fields", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[{"manager":"x","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1"}]},"data":{"a":"1","b":"1"}}`))
	cm("entry without apiVersion", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[{"manager":"x","operation":"Apply","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}}]},"data":{"a":"1","b":"1"}}`))
	cm("the same manager twice", "", apply("m", ab), put("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:a":{}}}`)+`,`+entry("x", "Apply", `{"f:data":{"f:b":{}}}`)+`]},"data":{"a":"1","b":"1"}}`))
	cm("fields that are not there", tracked, put("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:zz":{}},"f:nothing":{"f:y":{}}}`)+`]},"data":{"a":"1","b":"1"}}`), apply("m", `{"data":{"zz":"1"}}`), apply("x", `{}`))
	cm("unknown path elements", tracked, put("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:a":{},"q:b":{}},"z:y":{}}`)+`]},"data":{"a":"1","b":"1"}}`), change("u", `{"data":{"b":"3"}}`))
	cm("unsorted fields", tracked, put("u", `{"metadata":{"managedFields":[`+entry("x", "Apply", `{"f:data":{"f:b":{},"f:a":{},".":{}}}`)+`]},"data":{"a":"1","b":"1"}}`), change("u", `{"data":{"c":"3"}}`))
	cm("an api version that is gone", tracked, put("u", `{"metadata":{"managedFields":[{"manager":"x","operation":"Apply","apiVersion":"v1alpha1","time":"2001-01-01T00:00:30Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}},`+entry("m", "Apply", `{"f:data":{"f:b":{}}}`)+`]},"data":{"a":"1","b":"1"}}`), change("u", `{"data":{"a":"3"}}`), apply("m", `{"data":{"b":"2"}}`))
	cm("apply with entries", tracked, apply("m", tracked))
	cm("apply with an empty list", tracked, apply("m", `{"metadata":{"managedFields":[]},"data":{"a":"1"}}`))
	cm("apply with null", tracked, apply("m", `{"metadata":{"managedFields":null},"data":{"a":"1"}}`))
	cm("live entries without time", `{"metadata":{"managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{},"f:b":{}}}}]},"data":{"a":"1","b":"1"}}`, apply("n", `{"data":{"a":"1"}}`), apply("m", `{"data":{"b":"2"}}`))
	cm("live entries that can't be read", `{"metadata":{"managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{"f:data":{"f:a":{},"f:b":{}}}}]},"data":{"a":"1","b":"1"}}`, apply("n", `{"data":{"a":"1"}}`), change("u", `{"data":{"a":"2"}}`))
	// Owned field by field once, as a whole now, and the other way round.
	s.add("managedFields: selector was granular", "v1", "Service", `{"metadata":{"managedFields":[`+entry("m", "Apply", `{"f:spec":{"f:selector":{"f:a":{},"f:b":{}}}}`)+`,`+entry("n", "Update", `{"f:spec":{"f:selector":{".":{},"f:a":{}}}}`)+`]},"spec":{"selector":{"a":"1","b":"1"}}}`,
		apply("m", `{"spec":{"selector":{"a":"1","b":"1"}}}`), apply("o", `{"spec":{"selector":{"a":"2"}}}`), force("o", `{"spec":{"selector":{"a":"2"}}}`))
	s.add("managedFields: tolerations were items", "v1", "Pod", `{"metadata":{"managedFields":[`+entry("m", "Apply", `{"f:spec":{"f:tolerations":{"k:{\"key\":\"a\"}":{".":{},"f:key":{}}}}}`)+`]},"spec":{"containers":[],"tolerations":[{"key":"a"}]}}`,
		change("u", `{"metadata":{"labels":{"x":"y"}}}`), apply("m", `{"spec":{"tolerations":[{"key":"b"}]}}`))
	s.add("managedFields: labels were atomic", "v1", "ConfigMap", `{"metadata":{"labels":{"a":"1","b":"1"},"managedFields":[`+entry("m", "Apply", `{"f:metadata":{"f:labels":{}}}`)+`]}}`,
		change("u", `{"metadata":{"labels":{"a":"2"}}}`), apply("m", `{"metadata":{"labels":{"a":"1"}}}`), apply("m", `{}`))
	s.add("managedFields: keys in another order", "v1", "Service", `{"metadata":{"managedFields":[`+entry("m", "Apply", `{"f:spec":{"f:ports":{"k:{\"protocol\":\"TCP\",\"port\":80}":{".":{},"f:port":{},"f:name":{}}}}}`)+`]},"spec":{"ports":[{"port":80,"protocol":"TCP","name":"x"}]}}`,
		apply("m", `{"spec":{"ports":[{"port":80,"name":"y"}]}}`), apply("m", `{}`))
}

// errorFamilies: configurations that are refused.
func (s *applySet) errorFamilies() {
	d := func(name string, one step) {
		s.add("refused: "+name, "apps/v1", "Deployment", `{"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"x"}]}}}}`, one)
	}
	spec := func(text string) step {
		return apply("m", `{"spec":{"template":{"spec":{`+text+`}}}}`)
	}
	d("unknown field", apply("m", `{"spec":{"unknown":1}}`))
	d("unknown field at the top", apply("m", `{"unknown":{"a":1}}`))
	d("unknown field in an item", spec(`"containers":[{"name":"a","imagee":"x"}]`))
	d("unknown field in an atomic struct", apply("m", `{"spec":{"selector":{"unknown":1}}}`))
	d("unknown field in an atomic list", spec(`"tolerations":[{"unknown":1}]`))
	d("string for a number", apply("m", `{"spec":{"replicas":"1"}}`))
	d("number for a string", spec(`"containers":[{"name":"a","image":1}]`))
	d("boolean for a string", apply("m", `{"metadata":{"labels":{"a":true}}}`))
	d("string for a boolean", spec(`"hostNetwork":"true"`))
	d("fraction for an integer", apply("m", `{"spec":{"replicas":1.5}}`))
	d("map for a string", spec(`"nodeName":{"a":"b"}`))
	d("list for a map", apply("m", `{"metadata":{"labels":["a"]}}`))
	d("map for a list", spec(`"containers":{"name":"a"}`))
	d("string for a list", spec(`"containers":"a"`))
	d("string for a struct", apply("m", `{"spec":"a"}`))
	d("string in a list of structs", spec(`"containers":["a"]`))
	d("null in a list of structs", spec(`"containers":[null]`))
	d("list in a list of structs", spec(`"containers":[[]]`))
	d("item without its key", spec(`"containers":[{"image":"x"}]`))
	d("item with a null key", spec(`"containers":[{"name":null,"image":"x"}]`))
	d("item with a key of another type", spec(`"containers":[{"name":1}]`))
	d("two items without a key", spec(`"containers":[{"image":"x"},{"image":"y"}]`))
	d("items twice", spec(`"containers":[{"name":"a"},{"name":"a"}]`))
	d("env twice", spec(`"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"X","value":"2"}]}]`))
	d("ports twice, once by default", spec(`"containers":[{"name":"a","ports":[{"containerPort":80},{"containerPort":80,"protocol":"TCP"}]}]`))
	d("ports of two protocols", spec(`"containers":[{"name":"a","ports":[{"containerPort":80},{"containerPort":80,"protocol":"UDP"}]}]`))
	d("several at once", apply("m", `{"metadata":{"labels":{"a":1}},"spec":{"replicas":"1"}}`))
	d("map in a set", apply("m", `{"metadata":{"finalizers":[{"a":"b"}]}}`))
	d("null in a set", apply("m", `{"metadata":{"finalizers":[null]}}`))
	d("number in a set", apply("m", `{"metadata":{"finalizers":[1]}}`))
	d("another kind", applyRaw("m", `{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"it"}}`))
	d("another version", applyRaw("m", `{"apiVersion":"apps/v1beta1","kind":"Deployment","metadata":{"name":"it"}}`))
	d("no kind", applyRaw("m", `{"apiVersion":"apps/v1","metadata":{"name":"it"}}`))
	d("no apiVersion", applyRaw("m", `{"kind":"Deployment","metadata":{"name":"it"}}`))
	d("null spec", apply("m", `{"spec":null}`))
	d("null metadata", applyRaw("m", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":null,"spec":{"replicas":1}}`))
	d("no metadata", applyRaw("m", `{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":1}}`))
	d("a time that is none", apply("m", `{"metadata":{"deletionTimestamp":"x"}}`))
	d("a quantity that is none", spec(`"containers":[{"name":"a","resources":{"limits":{"cpu":"x"}}}]`))
	d("a quantity that is a number", spec(`"containers":[{"name":"a","resources":{"limits":{"cpu":1}}}]`))
}
