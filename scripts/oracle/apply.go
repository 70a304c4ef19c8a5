// Server-side-apply cases: a sequence of operations on one object with the
// object and its managedFields after each, from the field manager of the API
// server, made as the server makes it: typed live objects, patches as they came.
package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// step is one operation, and after it ran what came of it. Results are left out where they are as before.
type step struct {
	// Op is create, update (PUT, or what a patch other than apply made), apply, scale or scaleApply.
	Op          string `json:"op"`
	Manager     string `json:"manager"`
	Force       bool   `json:"force,omitempty"`
	Subresource string `json:"subresource,omitempty"`
	// ResetFields are paths that this endpoint does not change: not owned, and afterwards as before.
	ResetFields [][]string `json:"resetFields,omitempty"`
	// Object is the body: the new object for create and update, the configuration for apply.
	Object object `json:"object"`
	// Now is the time of the request; it changes from step to step.
	Now           string            `json:"now"`
	Live          object            `json:"live,omitempty"`
	ManagedFields []json.RawMessage `json:"managedFields,omitempty"`
	SameLive      bool              `json:"sameLive,omitempty"`
	SameManaged   bool              `json:"sameManagedFields,omitempty"`
	Error         *refusal          `json:"error,omitempty"`

	// change makes Object from the live object, as a merge patch does.
	change object
	// raw leaves Object as it is written, without kind and name.
	raw bool
}

type refusal struct {
	Code    int32   `json:"code"`
	Reason  string  `json:"reason,omitempty"`
	Message string  `json:"message"`
	Causes  []cause `json:"causes,omitempty"`
}

type cause struct {
	Message string `json:"message"`
	Field   string `json:"field"`
}

type applyCase struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Defaults tells that the server sets defaults: on bodies of create and update, and on what apply made.
	Defaults bool   `json:"defaults,omitempty"`
	Start    object `json:"start,omitempty"`
	Steps    []step `json:"steps"`
}

type applySet struct {
	cases   []applyCase
	names   map[string]bool
	dropped []string
}

var converter = applyconfigurations.NewTypeConverter(scheme.Scheme)
var firstMinute = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

const uid = "7a3e4c1e-0000-4000-8000-000000000001"

// sequence is an object on its way through the steps of a case.
type sequence struct {
	kind     schema.GroupVersionKind
	defaults bool
	live     runtime.Object
}

// add runs the steps. `start` is an object that is there already, "" for none.
func (s *applySet) add(name, apiVersion, kind, start string, steps ...step) {
	s.run(applyCase{Name: name}, apiVersion, kind, start, steps)
}

// addDefaulted is add for a server that sets defaults.
func (s *applySet) addDefaulted(name, apiVersion, kind, start string, steps ...step) {
	s.run(applyCase{Name: name, Defaults: true}, apiVersion, kind, start, steps)
}

func (s *applySet) run(out applyCase, apiVersion, kind, start string, steps []step) {
	if s.names[out.Name] {
		panic("two cases named " + out.Name)
	}
	s.names[out.Name] = true
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		panic(err)
	}
	run := &sequence{kind: version.WithKind(kind), defaults: out.Defaults, live: mustScheme(version.WithKind(kind))}
	out.Type, out.APIVersion, out.Kind = typeID(typeOf(run.live)), apiVersion, kind
	if start != "" {
		given := run.identified(parse(start))
		given["metadata"].(object)["uid"] = uid
		run.live = run.decode(given)
		out.Start, _ = run.shown()
		if managed := given["metadata"].(object)["managedFields"]; managed != nil {
			out.Start["metadata"].(object)["managedFields"] = managed
		}
	}
	for index, one := range steps {
		moment := firstMinute.Add(time.Duration(index+1) * time.Minute)
		done, err := run.step(one, moment)
		if err != nil {
			s.dropped = append(s.dropped, fmt.Sprintf("%s: %v", out.Name, err))
			return
		}
		out.Steps = append(out.Steps, done)
	}
	s.cases = append(s.cases, out)
}

// step carries out an operation; an error is one of the case, not of the server.
func (q *sequence) step(one step, moment time.Time) (step, error) {
	before, managedBefore := q.shown()
	if one.change != nil {
		one.Object = mergePatch(clone(before), one.change).(object)
	} else if !one.raw {
		one.Object = q.identified(one.Object)
	}
	// Bodies of create and update reach the field manager as Go structs, and are shown as those.
	if one.Op == "create" || one.Op == "update" {
		typed, err := q.tryDecode(one.Object)
		if err != nil {
			return one, err
		}
		if managed := one.Object["metadata"].(object)["managedFields"]; managed == nil {
			one.Object = toObject(typed)
		}
	}
	one.Now = moment.Format(time.RFC3339)
	result, err := q.carryOut(one)
	if err != nil {
		one.Error = refusalOf(err)
	} else {
		q.live = result
		q.settle(before, one, moment)
	}
	live, managed := q.shown()
	one.SameLive = string(toJSON(live)) == string(toJSON(before))
	one.SameManaged = string(toJSON(managed)) == string(toJSON(managedBefore))
	if !one.SameLive {
		one.Live = live
	}
	if !one.SameManaged {
		one.ManagedFields = managed
	}
	return one, nil
}

func (q *sequence) carryOut(one step) (runtime.Object, error) {
	if one.Op == "scale" || one.Op == "scaleApply" {
		return q.scale(one)
	}
	manager, err := managedfields.NewDefaultFieldManager(converter, scheme.Scheme, defaulter{q.defaults}, scheme.Scheme,
		q.kind, q.kind.GroupVersion(), one.Subresource, q.filters(one.ResetFields))
	if err != nil {
		panic(err)
	}
	if one.Op == "apply" {
		return manager.Apply(q.live.DeepCopyObject(), &unstructured.Unstructured{Object: clone(one.Object)}, one.Manager, one.Force)
	}
	return manager.Update(q.live.DeepCopyObject(), q.decode(one.Object), one.Manager)
}

func (q *sequence) filters(paths [][]string) map[fieldpath.APIVersion]fieldpath.Filter {
	if len(paths) == 0 {
		return nil
	}
	set := fieldpath.NewSet()
	for _, path := range paths {
		parts := make([]interface{}, len(path))
		for index, part := range path {
			parts[index] = part
		}
		set.Insert(fieldpath.MakePathOrDie(parts...))
	}
	return fieldpath.NewExcludeFilterSetMap(map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(q.kind.GroupVersion().String()): set,
	})
}

// settle does what the server's registry does with the result: the uid, fields that the endpoint does not
// change, and times, which are those of the case.
func (q *sequence) settle(before object, one step, moment time.Time) {
	accessor := mustAccessor(q.live)
	entries := accessor.GetManagedFields()
	for index := range entries {
		if entries[index].Time != nil && entries[index].Time.Year() != firstMinute.Year() {
			entries[index].Time = &metav1.Time{Time: moment}
		}
	}
	content := toObject(q.live)
	for _, path := range one.ResetFields {
		restore(content, before, path)
	}
	content["metadata"].(object)["uid"] = uid
	delete(content["metadata"].(object), "managedFields")
	q.live = q.decode(content)
	mustAccessor(q.live).SetManagedFields(entries)
}

// restore puts the value at a path as it was.
func restore(target, before object, path []string) {
	if len(path) == 1 {
		if value, ok := before[path[0]]; ok {
			target[path[0]] = value
		} else {
			delete(target, path[0])
		}
		return
	}
	inner, ok := target[path[0]].(object)
	earlier, _ := before[path[0]].(object)
	if !ok {
		inner = object{}
		target[path[0]] = inner
	}
	restore(inner, earlier, path[1:])
}

// shown is the live object without managedFields, and those, as JSON.
func (q *sequence) shown() (object, []json.RawMessage) {
	content := toObject(q.live)
	delete(content["metadata"].(object), "managedFields")
	managed := []json.RawMessage{}
	for _, entry := range mustAccessor(q.live).GetManagedFields() {
		managed = append(managed, json.RawMessage(toJSON(entry)))
	}
	return content, managed
}

func (q *sequence) identified(value object) object {
	out := clone(value)
	if _, ok := out["apiVersion"]; !ok {
		out["apiVersion"] = q.kind.GroupVersion().String()
	}
	if _, ok := out["kind"]; !ok {
		out["kind"] = q.kind.Kind
	}
	metadata, ok := out["metadata"].(object)
	if !ok {
		metadata = object{}
		out["metadata"] = metadata
	}
	if _, ok := metadata["name"]; !ok {
		metadata["name"] = "it"
	}
	return out
}

func (q *sequence) decode(value object) runtime.Object {
	out, err := q.tryDecode(value)
	if err != nil {
		panic(fmt.Sprintf("%v: %s", err, toJSON(value)))
	}
	return out
}

func (q *sequence) tryDecode(value object) (runtime.Object, error) {
	out := mustScheme(q.kind)
	if err := json.Unmarshal(toJSON(value), out); err != nil {
		return nil, err
	}
	// A reset of managedFields is an empty list, which the decoder of a struct keeps as it is written.
	out.GetObjectKind().SetGroupVersionKind(q.kind)
	defaulter{q.defaults}.Default(out)
	return out, nil
}

// toObject is a typed object as JSON, without nulls.
func toObject(typed runtime.Object) object {
	return dropNulls(parse(string(toJSON(typed)))).(object)
}

func mustScheme(kind schema.GroupVersionKind) runtime.Object {
	out, err := scheme.Scheme.New(kind)
	if err != nil {
		panic(err)
	}
	return out
}

func mustAccessor(value runtime.Object) metav1.Object {
	accessor, err := meta.Accessor(value)
	if err != nil {
		panic(err)
	}
	return accessor
}

func refusalOf(err error) *refusal {
	status, ok := err.(apierrors.APIStatus)
	if !ok {
		// The server answers what is no Status with 500 and the message.
		return &refusal{Code: 500, Message: stableMessage(err.Error())}
	}
	out := &refusal{Code: status.Status().Code, Reason: string(status.Status().Reason), Message: status.Status().Message}
	if details := status.Status().Details; details != nil {
		for _, one := range details.Causes {
			out.Causes = append(out.Causes, cause{one.Message, one.Field})
		}
		// Between managers the order is that of a Go map.
		sort.SliceStable(out.Causes, func(i, j int) bool { return out.Causes[i].Message < out.Causes[j].Message })
	}
	return out
}

// stableMessage orders the lines of an error that lists several: Go's maps have no order.
func stableMessage(message string) string {
	lines := strings.Split(message, "\n")
	if len(lines) > 2 {
		sort.Strings(lines[1:])
	}
	return strings.Join(lines, "\n")
}

// mergePatch is a JSON merge patch (RFC 7386).
func mergePatch(target, patch interface{}) interface{} {
	changes, ok := patch.(object)
	if !ok {
		return patch
	}
	out, ok := target.(object)
	if !ok {
		out = object{}
	}
	for key, value := range changes {
		if value == nil {
			delete(out, key)
		} else {
			out[key] = mergePatch(out[key], value)
		}
	}
	return out
}
