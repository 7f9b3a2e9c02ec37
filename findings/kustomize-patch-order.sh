#!/usr/bin/env bash
# Kustomize 5.8.1: a strategic merge patch that changes the image of one init container also changes the order in which the init
# containers run. Kubernetes itself applies the same patch without a change of the order.
#
# One would expect that entries of a list that a patch names by their key stay where they are. Kustomize puts them, and those
# that are new, before all others. Init containers run one after the other in the order of the list, so a step may run before
# the one that it needs. The same happens to `env`, where `$(NAME)` is replaced only if NAME stands before it (Kubernetes API
# reference). The library of Kubernetes, which its API server uses for strategic merge patches, keeps the order, and adds what
# is new at the end.
#
# The patch is given to the library of Kustomize and to the one of Kubernetes, on the same manifest.
#
# Breakwater: the patch of deploy/kustomize/component names only what is new, so the sidecar becomes the first init container.
# Needs Go 1.25 or later, and a minute or two. Seen on 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

mkdir manifests
cat >manifests/orders.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }
spec:
  selector: { matchLabels: { app: orders } }
  template:
    metadata: { labels: { app: orders } }
    spec:
      initContainers:
        - { name: fetch, image: "fetch:1" }
        - { name: unpack, image: "unpack:1" }
        - { name: migrate, image: "migrate:1" }
      containers:
        - name: orders
          image: orders:1
          env:
            - { name: HOST, value: catalog }
            - { name: URL, value: "http://$(HOST)/v1" }
YAML
cat >manifests/patch.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }
spec:
  template:
    spec:
      initContainers:
        - { name: migrate, image: "migrate:2" }
        - { name: warm, image: "warm:1" }
      containers:
        - name: orders
          env:
            - { name: URL, value: "http://$(HOST)/v2" }
YAML
cat >manifests/kustomization.yaml <<'YAML'
resources: [orders.yaml]
patches: [{ path: patch.yaml }]
YAML

cat >go.mod <<'TEXT'
module example.com/order

go 1.25

require (
	k8s.io/api v0.35.0
	k8s.io/apimachinery v0.35.0
	sigs.k8s.io/kustomize/api v0.21.1
	sigs.k8s.io/kustomize/kyaml v0.21.1
	sigs.k8s.io/yaml v1.6.0
)
TEXT
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	apps "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

func show(title string, manifest []byte) {
	var deployment apps.Deployment
	must(0, yaml.Unmarshal(manifest, &deployment))
	pod := deployment.Spec.Template.Spec
	fmt.Print(title, ":")
	for _, each := range pod.InitContainers {
		fmt.Print(" ", each.Image)
	}
	fmt.Print(" |")
	for _, each := range pod.Containers[0].Env {
		fmt.Print(" ", each.Name, "=", each.Value)
	}
	fmt.Println()
}

func main() {
	manifest := must(yaml.YAMLToJSON(must(os.ReadFile("manifests/orders.yaml"))))
	patch := must(yaml.YAMLToJSON(must(os.ReadFile("manifests/patch.yaml"))))
	show("before", manifest)
	show("kubernetes", must(strategicpatch.StrategicMergePatch(manifest, patch, apps.Deployment{})))
	kustomize := krusty.MakeKustomizer(krusty.MakeDefaultOptions())
	show("kustomize", must(must(kustomize.Run(filesys.MakeFsOnDisk(), "manifests")).AsYaml()))
}
GO
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 2; }
go list -m k8s.io/apimachinery sigs.k8s.io/kustomize/api
go run . >seen.txt

cat >expected.txt <<'TEXT'
before: fetch:1 unpack:1 migrate:1 | HOST=catalog URL=http://$(HOST)/v1
kubernetes: fetch:1 unpack:1 migrate:2 warm:1 | HOST=catalog URL=http://$(HOST)/v2
kustomize: migrate:2 warm:1 fetch:1 unpack:1 | URL=http://$(HOST)/v2 HOST=catalog
TEXT

echo 'expected:'
cat expected.txt
echo 'seen:'
cat seen.txt
diff expected.txt seen.txt
