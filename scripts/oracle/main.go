// The oracle: runs Kubernetes' own patch and server-side-apply code and writes
// what it answers as test cases. Started by scripts/generate-patch-cases.ts.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: oracle DIRECTORY")
		os.Exit(2)
	}
	directory := os.Args[1]
	merge := &mergeSet{names: map[string]bool{}}
	merge.listFamilies()
	merge.mapFamilies()
	merge.otherFamilies()
	writeLines(directory, "strategic-merge.jsonl", merge.cases)
	random := &mergeSet{names: map[string]bool{}}
	random.randomCases()
	writeLines(directory, "strategic-merge-random.jsonl", random.cases)
	apply := &applySet{names: map[string]bool{}}
	apply.basicFamilies()
	apply.workloadFamilies()
	apply.upgradeFamilies()
	writeLines(directory, "apply.jsonl", apply.cases)
	server := &applySet{names: map[string]bool{}}
	server.serverFamilies()
	writeLines(directory, "apply-server.jsonl", server.cases)
	kinds := &applySet{names: map[string]bool{}}
	kinds.kindFamilies()
	kinds.randomSequences()
	writeLines(directory, "apply-kinds.jsonl", kinds.cases)
	writeLines(directory, "apply-schema.jsonl", schemaRows())
	fmt.Printf("sequences that can't be: %q\n", append(append(apply.dropped, server.dropped...), kinds.dropped...))
	fmt.Printf("originals that no server holds left out: %q\n", append(merge.impossible, random.impossible...))
	fmt.Printf("%d patches whose outcome depends on the order of a map left out\n", merge.skipped+random.skipped)
}
