// Short words for the steps of the server-side-apply cases.
package main

// apply is a server-side apply of a configuration.
func apply(manager, text string) step {
	return step{Op: "apply", Manager: manager, Object: parse(text)}
}

// force is an apply that takes fields from others.
func force(manager, text string) step {
	out := apply(manager, text)
	out.Force = true
	return out
}

// applyRaw is an apply of exactly this body.
func applyRaw(manager, text string) step {
	out := apply(manager, text)
	out.raw = true
	return out
}

func create(manager, text string) step {
	return step{Op: "create", Manager: manager, Object: parse(text)}
}

// put replaces the object.
func put(manager, text string) step {
	return step{Op: "update", Manager: manager, Object: parse(text)}
}

// change sends the live object with a JSON merge patch put on it.
func change(manager, text string) step {
	return step{Op: "update", Manager: manager, change: parse(text)}
}

func scaleTo(manager, text string) step {
	return step{Op: "scale", Manager: manager, Object: parse(text), raw: true}
}

func scaleApply(manager, text string) step {
	return step{Op: "scaleApply", Manager: manager, Object: parse(text), raw: true}
}

// on sends the step to a subresource; the paths are those that the endpoint leaves as they are.
func (s step) on(subresource string, reset ...[]string) step {
	s.Subresource = subresource
	s.ResetFields = reset
	return s
}

// keeping is on for the main endpoint.
func (s step) keeping(reset ...[]string) step { return s.on("", reset...) }

func path(names ...string) []string { return names }
