// The Go types of the API by the names that the tables of this project give
// them: package path and type, such as core.v1.Pod.
package main

import (
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// typeID names a Go type as api/schema does: k8s.io/api/core/v1.Pod is core.v1.Pod.
func typeID(goType reflect.Type) string {
	parts := strings.Split(goType.PkgPath(), "/")
	return strings.Join(parts[len(parts)-2:], ".") + "." + goType.Name()
}

func kindOf(value object) schema.GroupVersionKind {
	apiVersion, _ := value["apiVersion"].(string)
	kind, _ := value["kind"].(string)
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		panic(err)
	}
	return version.WithKind(kind)
}

// typedObjects has an empty object for each type id of the stable versions.
var typedObjects = func() map[string]interface{} {
	out := map[string]interface{}{}
	for _, goType := range scheme.Scheme.AllKnownTypes() {
		if strings.HasPrefix(goType.PkgPath(), "k8s.io/api/") {
			out[typeID(goType)] = reflect.New(goType).Interface()
		}
	}
	return out
}()

// mustNew is an empty typed object of the kind of the given one.
func mustNew(value object) runtime.Object {
	out, err := scheme.Scheme.New(kindOf(value))
	if err != nil {
		panic(err)
	}
	return out
}
