#!/usr/bin/env bash
#
# With its log file switched on, the Azure CLI writes a new client secret into it, in a
# file that everybody on the machine may read.
#
# What people expect: a secret that a command makes goes where its output goes. With
# --output none, --only-show-errors and a redirection of both streams it goes nowhere
# else. Logs hide secrets: of the bearer token they show a few characters, and of the
# token endpoint's answer asterisks.
#
# What happens: `az config set logging.enable_log_file=yes` has each command write all
# that Microsoft answers into ~/.azure/logs/az.log, whatever it prints. There is no
# exception for secretText. With the usual umask the file has the mode 644.
# AZURE_LOGGING_ENABLE_LOG_FILE=no in front of one command keeps that command out of it.
#
# It happens in az rest, which is run here, and in az ad app credential reset, which
# sends with the same function (send_raw_request of azure.cli.core.util).
#
# Program: azure-cli 2.45.0 of Debian 12.
# Date: 2026-12-01.
#
# Why it matters: a script that makes a credential takes care of arguments, variables
# and the mode of its own file, and the secret lies on the machine all the same, where
# it is backed up and shipped with other logs.
#
# Output seen:
#> log file off: the command prints 0 bytes, the secret is in no file
#> log file on: the command prints 0 bytes, the secret is in logs/az.log, mode 644
#> log file on, but for this command: the command prints 0 bytes, the secret is in no file

set -euo pipefail

# What the head says is what is expected.
expected="$(sed -n 's/^#> //p' "${BASH_SOURCE[0]}")"

if ! command -v az >/dev/null || ! command -v python3 >/dev/null; then
	echo "The Azure CLI (Debian's package azure-cli) is not installed, so this run says nothing about the finding." >&2
	exit 2
fi

folder="$(mktemp -d)"
server=''
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
umask 022

# It answers as Graph does to addPassword, and says at which port it does.
cat >server.py <<'PY'
import http.server
import json
import os


class Graph(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"keyId": "f0b0b335-1d71-4883-8f98-567911bfdca6", "secretText": "not-for-everybody"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Graph)
with open("port.new", "w") as file:
    file.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PY
python3 server.py &
server=$!
for _ in $(seq 100); do
	[ ! -e port ] || break
	sleep 0.1
done

# try NAME SETTING [VARIABLE…] makes a secret, with a folder of the Azure CLI of its own.
try() {
	local name=$1 home="$folder/$2"
	mkdir -p "$home"
	printf '[core]\ncollect_telemetry = no\n[logging]\nenable_log_file = %s\n' "${2%%-*}" >"$home/config"
	shift 2
	env "$@" AZURE_CONFIG_DIR="$home" NO_PROXY=127.0.0.1 az rest --method post --url "http://127.0.0.1:$(cat port)/applications/1/addPassword" \
		--body '{}' --skip-authorization-header --output none --only-show-errors >"$home.out" 2>&1
	printf '%s: the command prints %d bytes, the secret is in ' "$name" "$(wc -c <"$home.out")"
	(cd "$home" && found="$(grep -rl not-for-everybody . | sed 's|^\./||')" &&
		printf '%s, mode %s\n' "$found" "$(stat -c %a "$found")") || echo "no file"
}

observed="$(
	try "log file off" no 2>&1
	try "log file on" yes 2>&1
	try "log file on, but for this command" yes-but AZURE_LOGGING_ENABLE_LOG_FILE=no 2>&1
)" || true
printf '%s\n' "$observed"
if [ "$observed" != "$expected" ]; then
	echo "This differs from what the head of this script says." >&2
	exit 1
fi
