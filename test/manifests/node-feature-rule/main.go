// Evaluates the NodeFeatureRule on standard input as NFD does, for a node whose kernel has the modules of the arguments loaded or built
// in, and prints the labels that NFD would set.
package main

import (
	"encoding/json"
	"io"
	"os"

	nfd "sigs.k8s.io/node-feature-discovery/api/nfd/v1alpha1"
	"sigs.k8s.io/node-feature-discovery/pkg/apis/nfd/nodefeaturerule"
	"sigs.k8s.io/yaml"
)

func main() {
	input, err := io.ReadAll(os.Stdin)
	check(err)
	var rule nfd.NodeFeatureRule
	check(yaml.UnmarshalStrict(input, &rule))
	features := nfd.NewFeatures()
	// source/kernel of NFD: https://github.com/kubernetes-sigs/node-feature-discovery/blob/v0.18.3/source/kernel/kernel.go
	features.Flags["kernel.loadedmodule"] = nfd.NewFlagFeatures(os.Args[1:]...)
	features.Flags["kernel.enabledmodule"] = nfd.NewFlagFeatures(os.Args[1:]...)
	labels := map[string]string{}
	for _, one := range rule.Spec.Rules {
		output, err := nodefeaturerule.Execute(&one, features, true)
		check(err)
		for name, value := range output.Labels {
			labels[name] = value
		}
	}
	check(json.NewEncoder(os.Stdout).Encode(labels))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
