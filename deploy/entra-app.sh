#!/usr/bin/env bash
#
# Registers the bot in Microsoft Entra, with the Azure CLI (az). See --help.
#
# Every call is an az rest to Microsoft Graph, v1.0. The commands under az ad are not used,
# because az ad app create changes an app of the same name, az ad app credential reset ends
# the secrets that are there, and az ad app permission admin-consent works in one cloud only.
#
# It runs in bash 3.2, which macOS has. No secret is in an argument, a variable or a log.
set -euo pipefail
umask 077

readonly graph_app=00000003-0000-0000-c000-000000000000 # Microsoft Graph, in every tenant
readonly tab=$'\t' newline=$'\n'

usage() {
	cat <<'END'
Usage: deploy/entra-app.sh [options]

Registers the bot in Microsoft Entra with the Azure CLI: an app for this tenant alone, with
the least permissions that work, a credential, and an administrator's consent if you may give
it. Sign in first with: az login --tenant TENANT --allow-no-subscriptions
It takes the Entra role Cloud Application Administrator; the consent takes Privileged Role
Administrator.

  --name NAME         name of a new app (default: revoke-sessions). If an app has this name,
                      nothing is changed
  --app-id ID         application (client) ID of an app that is there. What it lacks is added

A credential, one of:
  --secret-file FILE  make a client secret and write it to FILE, mode 0600. Secrets that are
                      there stay. If FILE holds a secret of the app, nothing is made
  --days N            how long the secret is valid (default: 180)
  --issuer URL --subject TEXT
                      let a workload sign in with a token of this issuer for this subject

Permissions beyond User.RevokeSessions.All and User.Read.All:
  --groups            GroupMember.Read.All: the policy names Entra groups
  --roles             RoleManagement.Read.Directory and GroupMember.Read.All: the policy names
                      privileged roles, or undecided reports are carried out
  --sign-ins          AuditLog.Read.All: cards show the last sign-in

  --dry-run           change nothing. Print each command: those that only read, which are run,
                      as comments
  --help              this text

Standard output is the environment to set, and nothing else; or with --dry-run the commands.
Exit code: 0 all is there, 1 something failed, 2 wrong options or nothing was changed because
of what is there, 3 all is there but an administrator's consent.
END
}

say() { printf '%s\n' "$*" >&2; }

die() {
	say "$*"
	exit 1
}

# refuse is for what stops the script before it has changed anything.
refuse() {
	say "$*"
	say "Nothing was changed."
	exit 2
}

# quoted prints a command as a shell takes it.
quoted() {
	local word
	while [ $# -gt 0 ]; do
		word=$1
		case $word in
		'' | *[!A-Za-z0-9_./:=@%+,-]*) word="'$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'" ;;
		esac
		printf '%s' "$word"
		shift
		[ $# -eq 0 ] || printf ' '
	done
}

# azure runs the Azure CLI. Its log file, which a setting of its own switches on, would hold
# the secret, for all to read.
azure() {
	AZURE_LOGGING_ENABLE_LOG_FILE=no az "$@" --only-show-errors
}

# asks runs a command that only reads. Its output is rows of cells with tabs between them.
asks() {
	[ -z "$dry_run" ] || printf '# %s\n' "$(quoted az "$@" --output tsv)" >&5
	azure "$@" --output tsv
}

# again reports whether a call is to be made again: Microsoft asks to wait, or what this run
# has made is not known everywhere yet. The Azure CLI does not do that by itself.
again() {
	case $1 in
	*"ERROR: Too Many Requests("*) say "Microsoft asks to wait (429)." ;;
	*"ERROR: Service Unavailable("*) say "Microsoft is not available (503)." ;;
	*"ERROR: Not Found("* | *"does not reference a valid application object"* | *"Not a valid reference update"*)
		[ -n "$created" ] || return 1
		say "The new app is not known everywhere in Entra yet."
		;;
	*) return 1 ;;
	esac
}

# rest METHOD URL QUERY [BODY [DONE]] calls Graph and prints what the query takes out of the
# answer. A call that may have been carried out although it failed is not repeated blindly:
# DONE is a function that prints the answer if it was. It returns 4 if the caller may not do it.
rest() {
	local method=$1 url=$2 query=$3 body=${4:-} finished=${5:-} problem wait found
	set -- rest --method "$method" --url "$url" --query "$query"
	[ -z "$body" ] || set -- "$@" --body "$body"
	if [ -n "$dry_run" ] && [ "$method" != get ]; then
		printf '%s\n' "$(quoted az "$@" --output tsv)" >&5
		return 0
	fi
	for wait in 5 10 20 40 60 no; do
		if [ "$method" = get ]; then
			if { problem=$(asks "$@" 2>&1 >&3); } 3>&1; then return 0; fi
		else
			if { problem=$(azure "$@" --output tsv 2>&1 >&3); } 3>&1; then return 0; fi
		fi
		if [ "$wait" = no ] || ! again "$problem"; then break; fi
		say "Trying again in $wait seconds."
		sleep "$wait"
		if [ -n "$finished" ]; then
			found=$("$finished") || return 1
			if [ -n "$found" ]; then
				printf '%s\n' "$found"
				return 0
			fi
		fi
	done
	found=$(printf '%s\n' "$problem" | sed -n 's/.*"message": *"\([^"]*\)".*/\1/p')
	say "Microsoft Graph did not carry out: $method $url"
	say "  ${found:-$problem}"
	case $problem in
	*"ERROR: Forbidden("*) return 4 ;;
	*) return 1 ;;
	esac
}

# list URL ROW prints a row for each entry of a list, on all its pages.
list() {
	local url=$1 rows
	while [ -n "$url" ]; do
		rows=$(rest get "$url" "[[['+next', \"@odata.nextLink\" || '']], value[].$2][]") || return 1
		url=$(printf '%s\n' "$rows" | sed -n "s/^+next$tab//p")
		printf '%s\n' "$rows" | sed "/^+next$tab/d"
	done
}

usage_error() {
	say "$* See --help."
	exit 2
}

# plain wants text that stands in JSON as it is, and a name that stands in a filter, too.
plain() {
	case $2 in
	*[[:cntrl:]\"\\]*) usage_error "$1 must not contain quotation marks, backslashes or control characters." ;;
	esac
	case $1$2 in
	--name*[\'\&#%+]*) usage_error "$1 must not contain any of ' & # % +" ;;
	esac
}

name=revoke-sessions named='' app_id='' secret_file='' days='' issuer='' subject='' dry_run=''
wanted='User.RevokeSessions.All User.Read.All' groups='' roles='' sign_ins=''
while [ $# -gt 0 ]; do
	case $1 in
	--name | --app-id | --secret-file | --days | --issuer | --subject)
		if [ $# -lt 2 ] || [ -z "$2" ]; then usage_error "$1 needs a value."; fi
		plain "$1" "$2"
		case $1 in
		--name) name=$2 named=yes ;;
		--app-id) app_id=$2 ;;
		--secret-file) secret_file=$2 ;;
		--days) days=$2 ;;
		--issuer) issuer=$2 ;;
		--subject) subject=$2 ;;
		esac
		shift
		;;
	--groups) groups=yes ;;
	--roles) roles=yes groups=yes ;;
	--sign-ins) sign_ins=yes ;;
	--dry-run) dry_run=yes ;;
	--help | -h)
		usage
		exit 0
		;;
	*) usage_error "Unknown option: $1." ;;
	esac
	shift
done
[ -z "$groups" ] || wanted="$wanted GroupMember.Read.All"
[ -z "$roles" ] || wanted="$wanted RoleManagement.Read.Directory"
[ -z "$sign_ins" ] || wanted="$wanted AuditLog.Read.All"

guid='^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'
[ -z "$app_id" ] || [[ $app_id =~ $guid ]] || usage_error "--app-id is not an application (client) ID: $app_id."
[ -z "$app_id" ] || [ -z "$named" ] || usage_error "Give --name for a new app, or --app-id for one that is there."
[ -z "$secret_file" ] || [ -z "$issuer$subject" ] || usage_error "Give --secret-file, or --issuer and --subject."
[ -n "$issuer" ] && [ -n "$subject" ] || [ -z "$issuer$subject" ] || usage_error "--issuer and --subject belong together."
case $issuer in '' | https://*) ;; *) usage_error "--issuer must begin with https://." ;; esac
[ -z "$days" ] || [ -n "$secret_file" ] || usage_error "--days belongs to --secret-file."
case ${days:=180} in *[!0-9]* | 0* | ????*) usage_error "--days must be a number from 1 to 999." ;; esac

created='' unfinished=''
exec 5>&1
finish() {
	local code=$?
	if [ -n "$unfinished" ]; then
		rm -f -- "$unfinished"
		say "$unfinished was not written. If the app has a secret named $secret_name, nobody has it: remove it."
	fi
	case $code in 0 | 2 | 3) exit "$code" ;; esac
	if [ -n "$created" ]; then say "The app was made. To go on, run this again with --app-id $app_id in place of --name."; fi
	exit 1
}
trap finish EXIT

# Who asks, and where.

command -v az >/dev/null || die "The Azure CLI (az) is not installed: https://aka.ms/azure-cli"
account=$(asks account show --query '[tenantId, environmentName, user.name]') ||
	die "Sign in with the Azure CLI first: az login --tenant TENANT --allow-no-subscriptions"
{ read -r tenant && read -r cloud && read -r who; } <<END
$account
END
case $cloud in
AzureCloud) bots_cloud='' graph=https://graph.microsoft.com/v1.0 audience=api://AzureADTokenExchange ;;
AzureUSGovernment) bots_cloud=usgov graph=https://graph.microsoft.us/v1.0 audience=api://AzureADTokenExchangeUSGov ;;
AzureChinaCloud) bots_cloud=china graph=https://microsoftgraph.chinacloudapi.cn/v1.0 audience=api://AzureADTokenExchangeChina ;;
*) refuse "The bot does not know the cloud $cloud." ;;
esac
say "Signed in as $who in the tenant $tenant ($cloud)."

# What Graph calls the permissions.

permissions=$(rest get "$graph/servicePrincipals(appId='$graph_app')?\$select=id,appRoles" \
	"[[['+id', id]], appRoles[?isEnabled && contains(allowedMemberTypes, 'Application')].[value, id, displayName]][]")
graph_id=$(printf '%s\n' "$permissions" | sed -n "s/^+id$tab//p")

# id_of prints the ID of a permission.
id_of() { printf '%s\n' "$permissions" | sed -n "s/^$1$tab\([^$tab]*\)$tab.*/\1/p"; }

say "Application permissions of Microsoft Graph:"
for permission in $wanted; do
	[ -n "$(id_of "$permission")" ] || refuse "Microsoft Graph has no application permission $permission in this cloud."
	say "  $permission = $(printf '%s\n' "$permissions" | sed -n "s/^$permission$tab\([^$tab]*\)$tab\(.*\)/\1 (\2)/p")"
done

# The app: what is there.

# namesakes prints the apps of this name. One that was made a moment ago may be missing.
namesakes() { list "$graph/applications?\$filter=displayName eq '$name'&\$select=id,appId" '[id, appId]'; }

now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
secret_is_there=''
if [ -z "$app_id" ]; then
	same=$(namesakes)
	[ -z "$same" ] || refuse "There is an app named $name already. If it is yours, give its ID; else choose another name:
$(printf '%s\n' "$same" | sed "s/^[^$tab]*$tab/  --app-id /")"
	[ -z "$secret_file" ] || ! { [ -e "$secret_file" ] || [ -L "$secret_file" ]; } ||
		refuse "$secret_file is there already. Name another file, or give the ID of its app with --app-id."
else
	ours="requiredResourceAccess[?resourceAppId=='$graph_app'].resourceAccess[]"
	cells="['+id', id], ['+name', displayName], ['+audience', signInAudience], ['+has', join(' ', $ours | [?type=='Role'].id)]"
	cells="$cells, ['+ours', to_string($ours)], ['+others', to_string(requiredResourceAccess[?resourceAppId!='$graph_app'])]"
	app=$(rest get "$graph/applications(appId='$app_id')?\$select=id,displayName,signInAudience,requiredResourceAccess,passwordCredentials" \
		"[[$cells], passwordCredentials[].['+secret', endDateTime, hint]][]") || refuse "The app $app_id cannot be read."
	of_app() { printf '%s\n' "$app" | sed -n "s/^+$1$tab//p"; }
	object_id=$(of_app id) name=$(of_app name)
	[ "$(of_app audience)" = AzureADMyOrg ] || refuse "The app $name is not for this tenant alone: signInAudience is $(of_app audience)."
	if [ -e "$secret_file" ] || [ -L "$secret_file" ]; then
		start=$(head -c 3 -- "$secret_file" 2>/dev/null) || start='' # Entra tells as much of a secret
		while IFS=$tab read -r end hint; do
			if [ -n "$start" ] && [ "$hint" = "$start" ] && [[ $end > $now ]]; then secret_is_there=$end; fi
		done <<END
$(of_app secret)
END
		[ -n "$secret_is_there" ] || refuse "$secret_file does not hold a valid secret of the app $name. Name a file that is not there."
	fi
	say "The app $name is there: $app_id."
fi

# The app: what it lacks.

# asked_for prints the permissions of $wanted that a list of IDs lacks, as JSON.
asked_for() {
	local permission comma=''
	for permission in $wanted; do
		case " $1 " in *" $(id_of "$permission") "*) continue ;; esac
		printf '%s{"id":"%s","type":"Role"}' "$comma" "$(id_of "$permission")"
		comma=,
	done
}

# required GRAPH OTHERS prints the property that holds all that the app asks for: Graph's
# permissions, and those of other resources, each as JSON.
required() { printf '"requiredResourceAccess":[{"resourceAppId":"%s","resourceAccess":%s}%s]' "$graph_app" "$1" "$2"; }

did=''
if [ -z "$app_id" ]; then
	made=$(rest post "$graph/applications" '[[id, appId]]' \
		"{\"displayName\":\"$name\",\"signInAudience\":\"AzureADMyOrg\",$(required "[$(asked_for '')]" '')}" namesakes)
	[ -n "$made" ] || made="OBJECT-ID${tab}CLIENT-ID" # a dry run
	object_id=${made%%"$tab"*} app_id=${made#*"$tab"} created=yes did=yes
	[ -n "$dry_run" ] || say "The app $name was made: $app_id."
else
	lacks=$(asked_for "$(of_app has)")
	if [ -n "$lacks" ]; then
		all=$(of_app ours) others=$(of_app others)
		all=${all%]} others=${others#[} others=${others%]}
		[ "$all" = '[' ] || lacks=",$lacks"
		rest patch "$graph/applications/$object_id" id "{$(required "$all$lacks]" "${others:+,$others}")}"
		did=yes
		[ -n "$dry_run" ] || say "The permissions that it lacked were added."
	fi
fi

# Its service principal, without which it cannot sign in.

principals() { list "$graph/servicePrincipals?\$filter=appId eq '$app_id'&\$select=id" '[id]'; }

principal=''
[ "$app_id" = CLIENT-ID ] || principal=$(principals)
if [ -z "$principal" ]; then
	principal=$(rest post "$graph/servicePrincipals" id "{\"appId\":\"$app_id\"}" principals)
	principal=${principal:-PRINCIPAL-ID} did=yes
	[ -n "$dry_run" ] || say "Its service principal was made."
fi

# Its credential.

secret_name="revoke-sessions $now"

# forget_secret ends a secret that was made and whose answer was lost. It prints nothing.
forget_secret() {
	local key keys
	keys=$(rest get "$graph/applications/$object_id?\$select=passwordCredentials" "passwordCredentials[?displayName=='$secret_name'].[keyId]") || return 1
	for key in $keys; do
		rest post "$graph/applications/$object_id/removePassword" id "{\"keyId\":\"$key\"}" || return 1
	done
}

federated() { list "$graph/applications/$object_id/federatedIdentityCredentials" '[id, audiences[0], issuer, subject]'; }

# federated_here prints the ID and the audience of the credential for this workload.
federated_here() {
	local all
	all=$(federated) || return 1
	printf '%s\n' "$all" | while IFS=$tab read -r id of_audience of_issuer of_subject; do
		if [ "$of_issuer" = "$issuer" ] && [ "$of_subject" = "$subject" ]; then printf '%s\n' "$id$tab$of_audience"; fi
	done
}

if [ -n "$secret_is_there" ]; then
	say "$secret_file holds a secret of the app. It is valid until $secret_is_there."
elif [ -n "$secret_file" ]; then
	until=$(($(date +%s) + days * 86400)) # seconds, which macOS takes by -r and Linux by -d
	until=$(date -u -r "$until" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -d "@$until" +%Y-%m-%dT%H:%M:%SZ)
	url=$graph/applications/$object_id/addPassword
	body="{\"passwordCredential\":{\"displayName\":\"$secret_name\",\"endDateTime\":\"$until\"}}"
	if [ -n "$dry_run" ]; then
		printf '%s > %s\n' "$(quoted az rest --method post --url "$url" --query secretText --body "$body" --output tsv)" "$(quoted "$secret_file")"
	else
		set -C # never another's file, nor where a link leads
		exec 4>"$secret_file" || die "$secret_file cannot be made."
		set +C
		unfinished=$secret_file
		rest post "$url" secretText "$body" forget_secret >&4
		exec 4>&-
		[ -s "$secret_file" ] || die "Microsoft Graph answered no secret."
		unfinished='' did=yes
		say "A client secret is in $secret_file. It is valid until $until."
		[ -n "$created" ] || say "Older secrets stay. To see them: az ad app credential list --id $app_id"
	fi
elif [ -n "$issuer" ]; then
	here=''
	[ "$app_id" = CLIENT-ID ] || here=$(federated_here)
	case $here in
	'')
		# A name must be unique among those of the app, and may hold few characters.
		id=$(printf '%s' "$issuer $subject" | cksum)
		body="{\"name\":\"revoke-sessions-${id%% *}\",\"issuer\":\"$issuer\",\"subject\":\"$subject\",\"audiences\":[\"$audience\"]}"
		rest post "$graph/applications/$object_id/federatedIdentityCredentials" id "$body" federated_here >/dev/null
		did=yes
		[ -n "$dry_run" ] || say "The workload $subject may sign in as the app."
		;;
	*"$tab$audience") say "The workload $subject may sign in as the app already." ;;
	*) die "The app trusts this workload with another audience than $audience. Remove that federated credential first." ;;
	esac
fi

# An administrator's consent.

granted=''
[ "$principal" = PRINCIPAL-ID ] || granted=$(list "$graph/servicePrincipals/$principal/appRoleAssignments" '[resourceId, appRoleId]')

# granted_here prints whether the permission of this turn is granted.
granted_here() {
	local all
	all=$(list "$graph/servicePrincipals/$principal/appRoleAssignments" '[resourceId, appRoleId]') || return 1
	printf '%s\n' "$all" | sed -n "/^$graph_id$tab$id$/p"
}

without=''
for permission in $wanted; do
	id=$(id_of "$permission")
	case $newline$granted$newline in *"$newline$graph_id$tab$id$newline"*) continue ;; esac
	if [ -n "$without" ]; then # who may not give the first may not give the others
		without="$without $permission"
		continue
	fi
	code=0
	rest post "$graph/servicePrincipals/$graph_id/appRoleAssignedTo" id \
		"{\"principalId\":\"$principal\",\"resourceId\":\"$graph_id\",\"appRoleId\":\"$id\"}" granted_here >/dev/null || code=$?
	case $code in
	0)
		did=yes
		[ -n "$dry_run" ] || say "Consent was given to $permission."
		;;
	4) without="$without $permission" ;;
	*) exit 1 ;;
	esac
done

# What to do with it.

if [ -n "$dry_run" ]; then
	say "Nothing was changed."
	exit 0
fi
[ -n "$did" ] || say "Nothing had to be changed."
printf 'AZURE_TENANT_ID=%s\nAZURE_CLIENT_ID=%s\n' "$tenant" "$app_id"
[ -z "$bots_cloud" ] || printf 'AZURE_CLOUD=%s\n' "$bots_cloud"
if [ -n "$secret_file" ]; then
	case $secret_file in /*) ;; *) secret_file=$PWD/$secret_file ;; esac
	printf 'AZURE_CLIENT_SECRET_FILE=%s\n' "$secret_file"
elif [ -n "$issuer" ]; then
	say "AZURE_FEDERATED_TOKEN_FILE is the path of the workload's token. Azure's webhook sets it in Kubernetes."
else
	say "The app got no credential. Add one, by this script or in the Entra admin centre."
fi
if [ -n "$without" ]; then
	say "An administrator's consent is missing for$without. A Privileged Role Administrator or a Global Administrator gives it:"
	say "by running this again with --app-id $app_id, or in the Entra admin centre, App registrations, $name, API permissions."
	exit 3
fi
say "Next: set this in the bot's environment and run revoke-sessions doctor."
