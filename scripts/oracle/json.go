// JSON helpers of the oracle: decoding as the API server does (integers stay
// integers), copies, and compact lines with sorted keys.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	kjson "sigs.k8s.io/json"
)

type object = map[string]interface{}

// parse decodes a JSON object written in this program; a mistake in it ends the program.
func parse(text string) object {
	out := object{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts([]byte(text), &out); err != nil {
		panic(fmt.Sprintf("%v in %s", err, text))
	}
	return out
}

func toJSON(value interface{}) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(buffer.Bytes())
}

func clone(value object) object { return parse(string(toJSON(value))) }

// dropNulls removes null fields, which a Go struct can't hold.
func dropNulls(value interface{}) interface{} {
	switch typed := value.(type) {
	case object:
		for key, item := range typed {
			if item == nil {
				delete(typed, key)
			} else {
				typed[key] = dropNulls(item)
			}
		}
	case []interface{}:
		for index, item := range typed {
			typed[index] = dropNulls(item)
		}
	}
	return value
}

// dropDirectives removes fields whose names begin with "$" and tells whether there were any.
func dropDirectives(value interface{}) bool {
	found := false
	switch typed := value.(type) {
	case object:
		for key, item := range typed {
			if strings.HasPrefix(key, "$") {
				delete(typed, key)
				found = true
			} else if dropDirectives(item) {
				found = true
			}
		}
	case []interface{}:
		for _, item := range typed {
			if dropDirectives(item) {
				found = true
			}
		}
	}
	return found
}

func sortedKeys(value object) []string {
	keys := make([]string, 0, len(value))
	for key := range value {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func writeLines[T any](directory, name string, cases []T) {
	var buffer bytes.Buffer
	for _, item := range cases {
		buffer.Write(toJSON(item))
		buffer.WriteByte('\n')
	}
	if err := os.WriteFile(filepath.Join(directory, name), buffer.Bytes(), 0o644); err != nil {
		panic(err)
	}
	fmt.Printf("%s: %d cases, %d kB\n", name, len(cases), buffer.Len()/1024)
}
