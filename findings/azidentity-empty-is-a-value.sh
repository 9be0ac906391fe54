#!/usr/bin/env bash
#
# azidentity's default chain takes a variable that is set and empty for a value.
#
# What people expect: an empty AZURE_TOKEN_CREDENTIALS counts as one that is not
# set, as an empty variable does for most programs, and as an empty AZURE_TENANT_ID
# does for azidentity's own EnvironmentCredential. Deployment files often have it so:
# AZURE_TOKEN_CREDENTIALS: "" in a Kubernetes manifest, or a line without a value in
# an env file.
#
# What happens: NewDefaultAzureCredential looks whether the variable is there, and
# then what it says. Where it is there and empty, it makes no chain and returns an
# error. Spaces around a value are part of the value: "prod" works, and "prod " does
# not. No option says otherwise.
#
# Library: github.com/Azure/azure-sdk-for-go/sdk/azidentity v1.15.0.
# Date: 2026-11-30.
#
# Why it matters: a program that reads its settings by itself, and takes an empty one
# for none, tells its user that nothing is set, and then cannot sign in. Both read the
# same environment in two ways. Whoever lets azidentity read it must first remove what
# is empty, and trim the rest.
#
# Output seen:
#> not set: a chain
#> AZURE_TOKEN_CREDENTIALS="": no chain: invalid AZURE_TOKEN_CREDENTIALS value ""
#> AZURE_TOKEN_CREDENTIALS="prod": a chain
#> AZURE_TOKEN_CREDENTIALS="prod ": no chain: invalid AZURE_TOKEN_CREDENTIALS value "prod "
#> AZURE_TENANT_ID="" and a client secret: missing environment variable AZURE_TENANT_ID

set -euo pipefail

# What the head says is what is expected.
expected="$(sed -n 's/^#> //p' "${BASH_SOURCE[0]}")"

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off

cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

const variable = "AZURE_TOKEN_CREDENTIALS"

func main() {
	for _, name := range os.Environ() {
		if name, _, _ = strings.Cut(name, "="); strings.HasPrefix(name, "AZURE_") {
			os.Unsetenv(name)
		}
	}
	fmt.Println("not set: " + chain())
	for _, value := range []string{"", "prod", "prod "} {
		os.Setenv(variable, value)
		fmt.Printf("%s=%q: %s\n", variable, value, chain())
	}
	os.Unsetenv(variable)
	os.Setenv("AZURE_TENANT_ID", "")
	os.Setenv("AZURE_CLIENT_ID", "22222222-2222-4222-8222-222222222222")
	os.Setenv("AZURE_CLIENT_SECRET", "not-a-secret")
	_, err := azidentity.NewEnvironmentCredential(nil)
	fmt.Println(`AZURE_TENANT_ID="" and a client secret:`, firstLine(err))
}

func chain() string {
	_, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		said := firstLine(err)
		said, _, _ = strings.Cut(said, ". ")
		return "no chain: " + said
	}
	return "a chain"
}

func firstLine(err error) string {
	if err == nil {
		return "no error"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
GO

{
	go mod init finding &&
		go get github.com/Azure/azure-sdk-for-go/sdk/azidentity@v1.15.0 &&
		go build -o finding .
} >build.log 2>&1 || {
	cat build.log >&2
	echo "The program was not built, so this run says nothing about the finding." >&2
	exit 2
}

# A program that fails prints why, and that is a difference too.
observed="$(./finding 2>&1)" || true
printf '%s\n' "$observed"
if [ "$observed" != "$expected" ]; then
	echo "This differs from what the head of this script says." >&2
	exit 1
fi
