#!/usr/bin/env bash
#
# Bolt for JavaScript adds team_id to every Web API call that a listener makes, also
# of methods whose pages list no such argument.
#
# What people expect: the client that a listener gets sends the arguments that the
# listener gives it, as a WebClient of @slack/web-api with the same token does.
#
# What happens: the listener's client sends team_id as well, with the workspace of
# the event that came in, for chat.postMessage, users.info, conversations.members and
# whatever else is called.
#
# Library: @slack/bolt v5.1.0, on Node.js 20.
# Date: 2026-11-30.
#
# Why it matters: a double of Slack, a proxy or a recorder that refuses arguments
# which a method's page does not list refuses every Bolt app, and works with each
# call that the same app makes outside of a listener.
#
# Output seen:
#> outside of a listener: users.info user
#> in a listener: users.info team_id user
#> in a listener: chat.postMessage channel team_id text
#> in a listener: conversations.members channel team_id

set -euo pipefail

# What the head says is what is expected.
expected="$(sed -n 's/^#> //p' "${BASH_SOURCE[0]}")"

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >package.json <<'JSON'
{"private": true, "type": "module", "dependencies": {"@slack/bolt": "5.1.0"}}
JSON
cat >main.mjs <<'JS'
import http from "node:http";
import bolt from "@slack/bolt";

let where = "";
const server = http.createServer(async (request, response) => {
  let body = "";
  for await (const part of request) {
    body += part;
  }
  const names = [...new URLSearchParams(body).keys()].filter((name) => name !== "token").sort();
  if (request.url !== "/auth.test") { // with which Bolt asks who it is
    console.log(`${where}: ${request.url.slice(1)} ${names.join(" ")}`);
  }
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ ok: true, user_id: "U1", bot_id: "B1", team_id: "T1", bot: {}, members: [] }));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const app = new bolt.App({
  token: "xoxb-not-a-token",
  receiver: { init() {}, async start() {}, async stop() {} },
  clientOptions: { slackApiUrl: `http://127.0.0.1:${server.address().port}/` },
  logLevel: "error",
});
app.command("/hello", async ({ ack, client }) => {
  await ack();
  where = "in a listener";
  await client.users.info({ user: "U2" });
  await client.chat.postMessage({ channel: "C1", text: "hello" });
  await client.conversations.members({ channel: "C1" });
});
where = "outside of a listener";
await app.client.users.info({ user: "U2" });
await app.processEvent({
  body: { command: "/hello", text: "", team_id: "T1", user_id: "U2", channel_id: "C1", response_url: "", trigger_id: "1.2.3" },
  ack: async () => {},
});
server.close();
process.exit(0);
JS

{
	npm install --no-audit --no-fund --no-package-lock --ignore-scripts
} >build.log 2>&1 || {
	cat build.log >&2
	echo "The package was not installed, so this run says nothing about the finding." >&2
	exit 2
}

# A program that fails prints why, and that is a difference too.
observed="$(node main.mjs 2>&1)" || true
printf '%s\n' "$observed"
if [ "$observed" != "$expected" ]; then
	echo "This differs from what the head of this script says." >&2
	exit 1
fi
