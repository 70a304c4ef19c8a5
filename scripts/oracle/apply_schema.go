// The schema of server-side apply, a type a line: for each field whether it is
// one value (leaf), has parts (struct, map), is a set, or a list with keys and
// what those are when an item leaves them out.
package main

import (
	"sort"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

type schemaRow struct {
	Type   string                 `json:"type"`
	Fields map[string]interface{} `json:"fields"`
}

// schemaRows has the types of the stable versions and of the metadata.
func schemaRows() []schemaRow {
	pod := (&sequence{kind: kindOf(parse(`{"apiVersion":"v1","kind":"Pod"}`))}).decode(object{})
	typed, err := converter.ObjectToTyped(pod)
	if err != nil {
		panic(err)
	}
	all := typed.Schema()
	rows := []schemaRow{}
	for _, definition := range all.Types {
		name := strings.TrimPrefix(strings.TrimPrefix(definition.Name, "io.k8s.api."), "io.k8s.apimachinery.pkg.apis.")
		parts := strings.Split(name, ".")
		if name == definition.Name || len(parts) != 3 || (parts[1] != "v1" && parts[1] != "v2") || definition.Map == nil || len(definition.Map.Fields) == 0 {
			continue
		}
		row := schemaRow{Type: name, Fields: map[string]interface{}{}}
		for _, field := range definition.Map.Fields {
			row.Fields[field.Name] = formOf(all, field.Type)
		}
		rows = append(rows, row)
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Type < rows[j].Type })
	return rows
}

func formOf(all *schema.Schema, reference schema.TypeRef) interface{} {
	atom, _ := all.Resolve(reference)
	switch {
	case atom.List != nil && atom.Map == nil:
		return listForm(all, atom.List)
	case atom.Map == nil || atom.Map.ElementRelationship == schema.Atomic:
		return "leaf"
	case len(atom.Map.Fields) > 0 || reference.NamedType != nil:
		return "struct"
	}
	return "map"
}

func listForm(all *schema.Schema, list *schema.List) interface{} {
	if list.ElementRelationship != schema.Associative {
		return "leaf"
	}
	if len(list.Keys) == 0 {
		return "set"
	}
	element, _ := all.Resolve(list.ElementType)
	keys := object{}
	for _, key := range list.Keys {
		field, _ := element.Map.FindField(key)
		keys[key] = field.Default
	}
	return keys
}
