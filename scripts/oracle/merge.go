// Strategic merge cases: original, patch and the result, or the error, of
// strategicpatch.StrategicMergeMapPatch, which is what the API server calls.
package main

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	kjson "sigs.k8s.io/json"
)

type mergeCase struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Original object `json:"original"`
	Patch    object `json:"patch"`
	// Result is an object, or nil with an error.
	Result interface{} `json:"result,omitempty"`
	Error  string      `json:"error,omitempty"`
	// Directives were left in the result, and are removed from Result here: they stood where nothing is merged.
	LeftOver bool `json:"leftOver,omitempty"`
}

// How often each patch is applied: what depends on the order of a Go map is no case.
const repeats = 25

type mergeSet struct {
	cases   []mergeCase
	names   map[string]bool
	skipped int
	// Cases whose original no server can hold.
	impossible []string
}

// asServed is the object as the server hands it to the patch: written from its Go struct, with `{}` for
// structs that are empty. No answer for what the struct can't hold.
func asServed(typeName string, value object) (object, bool) {
	target := reflect.New(reflect.TypeOf(typedObjects[typeName]).Elem()).Interface()
	strict, err := kjson.UnmarshalStrict(toJSON(value), target)
	if err != nil || len(strict) > 0 {
		return nil, false
	}
	out, err := runtime.DefaultUnstructuredConverter.ToUnstructured(target)
	if err != nil {
		panic(err)
	}
	return dropNulls(object(out)).(object), true
}

// add applies the patch and keeps the case, unless its outcome is not the same each time.
func (s *mergeSet) add(name, typeName string, original, patch object) bool {
	if s.names[name] {
		panic("two cases named " + name)
	}
	s.names[name] = true
	structure, ok := typedObjects[typeName]
	if !ok {
		panic("no type " + typeName)
	}
	original, ok = asServed(typeName, original)
	if !ok {
		s.impossible = append(s.impossible, name)
		return false
	}
	var first mergeCase
	for round := 0; round < repeats; round++ {
		outcome := mergeCase{Name: name, Type: typeName, Original: clone(original), Patch: clone(patch)}
		result, err := applyOnce(clone(original), clone(patch), structure)
		if err != nil {
			outcome.Error = err.Error()
		} else {
			outcome.LeftOver = dropDirectives(result)
			outcome.Result = dropNulls(result)
		}
		if round == 0 {
			first = outcome
		} else if (first.Error == "") != (outcome.Error == "") || !reflect.DeepEqual(first.Result, outcome.Result) {
			s.skipped++
			return false
		} else if outcome.Error < first.Error {
			first.Error = outcome.Error
		}
	}
	s.cases = append(s.cases, first)
	return true
}

func applyOnce(original, patch object, structure interface{}) (result object, err error) {
	defer func() {
		if failure := recover(); failure != nil {
			err = fmt.Errorf("panic: %v", failure)
		}
	}()
	merged, err := strategicpatch.StrategicMergeMapPatch(original, patch, structure)
	if err != nil {
		return nil, err
	}
	return object(merged), nil
}

// twoWay makes the patch that clients send for a change and applies it to what the server has by then.
func (s *mergeSet) twoWay(name, typeName string, original, modified, live object) {
	patch, err := strategicpatch.CreateTwoWayMergePatch(toJSON(original), toJSON(modified), typedObjects[typeName])
	if err != nil {
		return
	}
	s.add(name, typeName, live, parse(string(patch)))
}

// threeWay makes the patch of `kubectl apply` and applies it.
func (s *mergeSet) threeWay(name, typeName string, original, modified, current object) {
	schema, err := strategicpatch.NewPatchMetaFromStruct(typedObjects[typeName])
	if err != nil {
		panic(err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(toJSON(original), toJSON(modified), toJSON(current), schema, true)
	if err != nil {
		return
	}
	s.add(name, typeName, current, parse(string(patch)))
}
