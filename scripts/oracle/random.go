// Random changes of objects from a seed: fields set, removed and emptied, items
// added, removed, moved and doubled, and directives put into patches.
package main

import (
	"fmt"
	"math/rand"
	"reflect"
)

// itemKeys are the fields that tell the items of a list apart, by what an item has.
var itemKeys = []string{"containerPort", "mountPath", "topologyKey", "type", "ip", "uid", "name", "port", "key", "host"}

type mutator struct{ random *rand.Rand }

func newMutator(seed int64) mutator { return mutator{rand.New(rand.NewSource(seed))} }

func (m mutator) chance(percent int) bool { return m.random.Intn(100) < percent }

func (m mutator) word() string {
	return []string{"a", "b", "c", "x", "y", "zeta", "42", "on"}[m.random.Intn(8)]
}

// template is one of the objects of templates.go, made smaller.
func (m mutator) template() object {
	out := parse(templateTexts[m.random.Intn(len(templateTexts))])
	m.prune(out, 0)
	return out
}

// prune drops a part of the fields, so that cases stay small and differ.
func (m mutator) prune(value object, depth int) {
	for _, key := range sortedKeys(value) {
		if depth > 0 && key != "name" && key != "apiVersion" && key != "kind" && key != "containers" && m.chance(25) {
			delete(value, key)
		} else if inner, ok := value[key].(object); ok {
			m.prune(inner, depth+1)
		} else if list, ok := value[key].([]interface{}); ok {
			for _, item := range list {
				if inner, ok := item.(object); ok && keyFieldOf(inner) == "" {
					m.prune(inner, depth+1)
				}
			}
		}
	}
}

func keyFieldOf(item object) string {
	for _, name := range itemKeys {
		if _, ok := item[name]; ok {
			return name
		}
	}
	return ""
}

// change makes about `percent` of the fields different; identity fields stay.
func (m mutator) change(value object, percent int, path string) {
	for _, key := range sortedKeys(value) {
		place := path + "/" + key
		if place == "/apiVersion" || place == "/kind" || place == "/metadata/name" || place == "/metadata/namespace" {
			continue
		}
		switch typed := value[key].(type) {
		case object:
			if depth := len(path); depth > 0 && m.chance(percent/3) {
				delete(value, key)
				continue
			}
			m.change(typed, percent, place)
			if isStringMap(place) && m.chance(percent*2) {
				typed[m.word()] = m.word()
			}
		case []interface{}:
			if m.chance(percent / 4) {
				delete(value, key)
				continue
			}
			value[key] = m.changeList(typed, percent, place)
		default:
			if !m.chance(percent) {
				continue
			}
			if m.chance(30) && len(path) > 0 && key != "name" {
				delete(value, key)
			} else {
				value[key] = m.changeScalar(typed)
			}
		}
	}
}

func isStringMap(place string) bool {
	for _, end := range []string{"/labels", "/annotations", "/data", "/nodeSelector", "/limits", "/matchLabels"} {
		if len(place) >= len(end) && place[len(place)-len(end):] == end {
			return true
		}
	}
	return false
}

func (m mutator) changeScalar(value interface{}) interface{} {
	switch typed := value.(type) {
	case string:
		if typed == "" || m.chance(80) {
			return typed + "-" + m.word()
		}
		return ""
	case int64:
		return typed + int64(m.random.Intn(3)) + 1
	case bool:
		return !typed
	}
	return value
}

func (m mutator) changeList(list []interface{}, percent int, place string) []interface{} {
	out := append([]interface{}{}, list...)
	for index, item := range out {
		if inner, ok := item.(object); ok && m.chance(percent*3) {
			copied := clone(inner)
			field := keyFieldOf(copied)
			kept := copied[field]
			m.change(copied, percent*2, place+"/*")
			if field != "" {
				copied[field] = kept
			}
			out[index] = copied
		}
	}
	if len(out) > 0 && m.chance(percent) {
		index := m.random.Intn(len(out))
		out = append(out[:index], out[index+1:]...)
	}
	if len(list) > 0 && m.chance(percent) {
		added := m.another(list[m.random.Intn(len(list))])
		index := m.random.Intn(len(out) + 1)
		out = append(out[:index], append([]interface{}{added}, out[index:]...)...)
	}
	if m.chance(percent) {
		m.random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

// another is an item like the given one with another key.
func (m mutator) another(item interface{}) interface{} {
	inner, ok := item.(object)
	if !ok {
		return m.changeScalar(item)
	}
	copied := clone(inner)
	if field := keyFieldOf(copied); field != "" {
		if number, ok := copied[field].(int64); ok {
			copied[field] = number + 1000 + int64(m.random.Intn(3))
		} else {
			copied[field] = fmt.Sprintf("%v-%s", copied[field], m.word())
		}
	}
	return copied
}

// direct turns a part of an object into a patch of the kind that people write by hand: directives, nulls, parts.
func (m mutator) direct(value object, percent int, depth int) object {
	out := object{}
	for _, key := range sortedKeys(value) {
		if depth == 0 && (key == "apiVersion" || key == "kind") {
			continue
		}
		if depth > 0 && m.chance(55-10*depth) && key != keyFieldOf(value) {
			continue
		}
		switch typed := value[key].(type) {
		case object:
			out[key] = m.direct(typed, percent, depth+1)
		case []interface{}:
			out[key] = m.directList(typed, percent, depth, key, out)
		default:
			if m.chance(percent) && key != keyFieldOf(value) {
				out[key] = nil
			} else {
				out[key] = value[key]
			}
		}
		if _, isKey := value[key].(string); !isKey && m.chance(percent/4) {
			out[key] = nil
		}
	}
	if depth > 0 && m.chance(percent/3) {
		out["$patch"] = []interface{}{"replace", "delete", "merge"}[m.random.Intn(3)]
	} else if depth > 0 && m.chance(percent/3) {
		keep := []interface{}{}
		for _, key := range sortedKeys(out) {
			if key[0] != '$' && !m.chance(5) {
				keep = append(keep, key)
			}
		}
		out["$retainKeys"] = keep
	}
	return out
}

func (m mutator) directList(list []interface{}, percent, depth int, name string, parent object) []interface{} {
	out := []interface{}{}
	order := []interface{}{}
	for _, item := range list {
		inner, ok := item.(object)
		if !ok {
			if m.chance(percent) {
				parent["$deleteFromPrimitiveList/"+name] = []interface{}{item}
			} else {
				out = append(out, item)
				order = append(order, item)
			}
			continue
		}
		field := keyFieldOf(inner)
		if m.chance(percent) && field != "" {
			out = append(out, object{field: inner[field], "$patch": "delete"})
			continue
		}
		patch := m.direct(inner, percent, depth+1)
		if field != "" {
			patch[field] = inner[field]
			order = append(order, object{field: inner[field]})
		}
		out = append(out, patch)
	}
	if m.chance(percent / 3) {
		out = append(out, object{"$patch": "replace"})
	}
	if m.chance(percent) {
		if m.chance(20) {
			m.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		parent["$setElementOrder/"+name] = order
	}
	return out
}

// randomCases makes patches in the three ways in which they come to be, and applies them.
func (s *mergeSet) randomCases() {
	const each = 75
	for seed := int64(1); seed <= each; seed++ {
		m := newMutator(seed)
		original := m.template()
		typeName := typeID(reflect.TypeOf(mustNew(original)).Elem())
		modified, live := clone(original), clone(original)
		m.change(modified, 12, "")
		m.change(live, 6, "")
		s.twoWay(fmt.Sprintf("two-way %d", seed), typeName, original, modified, live)

		m = newMutator(1000 + seed)
		original = m.template()
		typeName = typeID(reflect.TypeOf(mustNew(original)).Elem())
		modified, live = clone(original), clone(original)
		m.change(modified, 12, "")
		m.change(live, 8, "")
		s.threeWay(fmt.Sprintf("three-way %d", seed), typeName, original, modified, live)

		m = newMutator(2000 + seed)
		original = m.template()
		typeName = typeID(reflect.TypeOf(mustNew(original)).Elem())
		modified = clone(original)
		m.change(modified, 15, "")
		s.add(fmt.Sprintf("directives %d", seed), typeName, original, m.direct(modified, 12, 0))
	}
}
