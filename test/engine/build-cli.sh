#!/usr/bin/env bash
# Builds the Pulumi CLI from Go modules, for machines that have Go and can't download the CLI itself, and prints the
# folder it is in. The first time takes minutes; what was built is kept in the user's cache.
set -euo pipefail

# Of the same version as the npm package `pulumi`.
version=$(cd "$(dirname "$0")/../.." && node -p 'require("./package.json").devDependencies.pulumi')
folder="${XDG_CACHE_HOME:-$HOME/.cache}/ev-registrations/pulumi-$version"

if [ ! -x "$folder/pulumi" ]; then
	module=$(mktemp -d)
	trap 'rm -rf "$module"' EXIT
	cd "$module"
	{
		go mod init cli
		go get "github.com/pulumi/pulumi/pkg/v3@v$version" "github.com/pulumi/pulumi/sdk/v3@v$version" \
			"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi@v$version"
		mkdir -p "$folder"
		# Without its version the CLI calls itself too old for the Automation API.
		go build -o "$folder/pulumi.new" \
			-ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$version" \
			github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
	} >&2
	mv "$folder/pulumi.new" "$folder/pulumi"
fi
echo "$folder"
