#!/usr/bin/env bash
#
# The Graph client for JavaScript sends no token to a host that is not Microsoft's,
# and says nothing about it.
#
# What people expect: a client that has a baseUrl and a middleware for signing in
# sends its token there, or refuses the call. Clients of Azure SDKs refuse.
#
# What happens: the request leaves without an Authorization header, and the caller
# sees whatever the server answers to that, mostly 401. With customHosts the token is
# sent, over https only; over http it is left out also then.
#
# Library: @microsoft/microsoft-graph-client v3.0.7, on Node.js 20.
# Date: 2026-11-30.
#
# Why it matters: who points the client at a double, or at a proxy, on loopback looks
# for the fault in the sign-in, which is right. A double must speak https, and its
# readers must be told of customHosts.
#
# Output seen:
#> https: GET /v1.0/me, no token; the provider was asked 0 times
#> https, customHosts: GET /v1.0/me, token; the provider was asked 1 time
#> http, customHosts: GET /v1.0/me, no token; the provider was asked 0 times

set -euo pipefail

# What the head says is what is expected.
expected="$(sed -n 's/^#> //p' "${BASH_SOURCE[0]}")"

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >package.json <<'JSON'
{"private": true, "type": "module", "dependencies": {"@microsoft/microsoft-graph-client": "3.0.7"}}
JSON
cat >main.mjs <<'JS'
import http from "node:http";
import https from "node:https";
import { readFileSync } from "node:fs";
import graph from "@microsoft/microsoft-graph-client";

let seen = "";
const answer = (request, response) => {
  seen = `${request.method} ${request.url}, ${request.headers.authorization === "Bearer a-token" ? "token" : "no token"}`;
  response.setHeader("Content-Type", "application/json");
  response.end("{}");
};
const plain = http.createServer(answer).listen(0, "127.0.0.1");
const tls = https.createServer({ key: readFileSync("key.pem"), cert: readFileSync("cert.pem") }, answer).listen(0, "127.0.0.1");
await Promise.all([plain, tls].map((server) => new Promise((listening) => server.once("listening", listening))));

const rows = [
  ["https", tls, undefined],
  ["https, customHosts", tls, new Set(["127.0.0.1"])],
  ["http, customHosts", plain, new Set(["127.0.0.1"])],
];
for (const [name, server, customHosts] of rows) {
  let asked = 0;
  const client = graph.Client.initWithMiddleware({
    baseUrl: `${server === tls ? "https" : "http"}://127.0.0.1:${server.address().port}/`,
    authProvider: { getAccessToken: async () => (asked++, "a-token") },
    customHosts,
  });
  await client.api("/me").get();
  console.log(`${name}: ${seen}; the provider was asked ${asked} time${asked === 1 ? "" : "s"}`);
}
plain.close();
tls.close();
process.exit(0);
JS

{
	npm install --no-audit --no-fund --no-package-lock --ignore-scripts &&
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem
} >build.log 2>&1 || {
	cat build.log >&2
	echo "The package was not installed, so this run says nothing about the finding." >&2
	exit 2
}

# A program that fails prints why, and that is a difference too.
observed="$(NODE_EXTRA_CA_CERTS=cert.pem node main.mjs 2>&1)" || true
printf '%s\n' "$observed"
if [ "$observed" != "$expected" ]; then
	echo "This differs from what the head of this script says." >&2
	exit 1
fi
