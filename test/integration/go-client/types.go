// Which content types go-client sends and gets.
package main

import (
	"net/http"
	"slices"
	"sync"
)

type typeRecorder struct {
	lock sync.Mutex
	seen map[string][]string
}

func (recorder *typeRecorder) note(key string, header http.Header) {
	recorder.lock.Lock()
	defer recorder.lock.Unlock()
	kind := header.Get("Content-Type")
	if kind != "" && !slices.Contains(recorder.seen[key], kind) {
		recorder.seen[key] = append(recorder.seen[key], kind)
	}
}

func (recorder *typeRecorder) say() {
	recorder.lock.Lock()
	defer recorder.lock.Unlock()
	say(Line{Event: "types", Types: recorder.seen})
}

func (recorder *typeRecorder) wrap(inner http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		recorder.note(request.Method+" sent", request.Header)
		response, err := inner.RoundTrip(request)
		if err == nil {
			recorder.note(request.Method+outcome(response), response.Header)
		}
		return response, err
	})
}

func outcome(response *http.Response) string {
	if response.StatusCode >= 400 {
		return " refused"
	}
	return ""
}

type roundTripper func(*http.Request) (*http.Response, error)

func (trip roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	return trip(request)
}
