// Package graphtest is a double of Microsoft Entra and Microsoft Graph for
// tests and demonstrations: one TLS server on loopback that issues tokens,
// answers questions about users, carries out the two revoke actions, and fails
// in the ways in which the real service, or the network before it, fails.
//
//	server, err := graphtest.Start(graphtest.Config{})
//	if err != nil { … }
//	defer server.Close()
//	carol := server.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
//	// Point the client at server.AuthorityURL() and server.GraphURL(), let it trust
//	// server.Certificate() and sign in as server.Config() says.
//	fmt.Println(server.Posts())   // every revoke that arrived
//	fmt.Println(server.Unknown()) // what the double does not model; fail if there is any
//
// # What a client on loopback needs
//
// Every client must trust Certificate (CertPEM for a file: SSL_CERT_FILE for Go,
// NODE_EXTRA_CA_CERTS for Node). Beside it:
//
//   - azidentity (Go): ClientOptions.Cloud with ActiveDirectoryAuthorityHost
//     AuthorityURL, and DisableInstanceDiscovery, without which MSAL asks
//     login.microsoftonline.com whether that host is one of Microsoft's. Transport may
//     be Client.
//   - @azure/identity (Node): authorityHost AuthorityURL, and disableInstanceDiscovery
//     true.
//   - @azure/msal-node: auth.authority AuthorityURL/tenant, and auth.knownAuthorities
//     with its host and port, without which it asks login.microsoftonline.com.
//   - Microsoft's Graph SDK for Go: the adapter's SetBaseUrl(GraphURL + "/beta"), the
//     scope GraphURL + "/.default" or Graph's own, and the host among the authentication
//     provider's valid hosts, without which the request has no token.
//   - @microsoft/microsoft-graph-client (Node): baseUrl GraphURL, and customHosts with
//     its host name, without which the request has no token, page 2 included.
//   - CLI for Microsoft 365, and whatever else knows Microsoft's hosts by name only: a
//     network in which the names lead to the double (a hosts file, a network namespace,
//     a container), with Config.Address on port 443 and Config.AuthorityURL and GraphURL
//     by those names. Then no client above needs any of the settings.
//
// TestForeignClients drives the Node clients in these ways, and the module's own tests
// the Go ones.
//
// # What is modelled
//
// Entra: the OpenID configuration, instance discovery and the token endpoint of one
// tenant, for one application. Errors look like Entra's, AADSTS number included. Access
// tokens are random strings that Graph looks up, or readable ones
// (ReadableTokens); they expire. The application signs in with
//
//   - its client secret, in the form or in the Authorization header;
//   - a certificate (RegisterCertificate, TrustAuthority): the signature, times,
//     subject and audience of its assertion are checked, and that the
//     certificate is known and not expired;
//   - a workload's token (Federate), checked against the key, issuer, subject
//     and audience that were registered. Entra would fetch the key;
//   - the machine's managed identity, as App Service offers it
//     (IdentityEndpoint). The endpoint of virtual machines has an address of
//     its own and is not here;
//   - a person, by device code: UserCodes, ApproveDevice, DeclineDevice,
//     ExpireDevice, SlowDown. The refresh token ends when a revoke moves one of
//     the person's stamps, by IdleRefreshTokens, and with the account.
//
// Applications that were registered beside it (AddApplication, or through Graph) sign in
// with their client secrets, and may do in Graph what they were granted.
//
// The endpoints take forms only. What is missing, in JSON, plain text or multipart is
// AADSTS900144; for the last two that is a guess, because nobody documents them. An
// application's scope must end in /.default (AADSTS1002012); a person's may also be
// permissions that were granted (else AADSTS65001). Without offline_access there is no
// refresh token, without openid no ID token.
//
// Assertions are checked by Config.Now, so that a client with the machine's clock wants
// that to be the machine's.
//
// Graph, under /beta and /v1.0:
//
//   - A user is users/{object ID or user principal name}, users('either'), or
//     users(userPrincipalName='name'), a group groups/{object ID} or groups('it'). In
//     quotes a quote is written twice. A name that begins with $ wants the quotes.
//     Names in paths, of query options, properties and actions compare without regard to
//     case; an action may come with microsoft.graph. or graph. before it. On beta the $
//     of a query option may be left out, on v1.0 it may not: there Graph allows it for
//     some APIs and does not say for which.
//
//   - GET a user, honouring $select to the letter: what was not selected is not
//     answered, what does not exist is an error, also what only beta has on v1.0. A real
//     property that User has no field for is null, or an empty list.
//
//   - GET /users with $filter on userPrincipalName, mail or proxyAddresses (eq only),
//     $select, $top and pages. Each list begins with empty pages where SetEmptyPages
//     says so.
//
//   - Accept: application/json;odata.metadata=none, for answers without @odata.context
//     and @odata.type.
//
//   - signInActivity of one user, or of those in a list, where the tenant has a
//     premium licence (SetPremium) and the application AuditLog.Read.All.
//
//   - POST to a user's invalidateAllRefreshTokens (beta only): 204, and
//     refreshTokensValidFromDateTime becomes now.
//
//   - POST to a user's revokeSignInSessions: 200 with the value true, and
//     signInSessionsValidFromDateTime becomes now.
//
//   - Either action taken away by Retire, or not permitted: the two take
//     different permissions, so that Withdraw and Grant can leave one of them.
//     An account in a restricted management unit is refused by both, for the
//     application is taken to hold no role in the unit.
//
//   - POST to a user's checkMemberGroups, twenty groups at most. A group that
//     does not exist is passed over; what Graph does with it is not documented.
//
//   - GET a user's transitiveMemberOf: groups, nested ones too, and the
//     built-in roles that are assigned in the whole tenant. Custom roles and
//     those within an administrative unit are not there, as in Graph.
//
//   - GET a group and its transitiveMembers/microsoft.graph.user.
//     Some say that Graph wants ConsistencyLevel and $count for that cast;
//     others use it without, and so may one here.
//
//   - GET /roleManagement/directory/roleDefinitions, with $filter on
//     isPrivileged (beta only), and /transitiveRoleAssignments (beta only),
//     which is not found without the header ConsistencyLevel: eventual and
//     wants $count=true and a principal. What Graph answers without $count is
//     not documented; here it is 400.
//
//   - Registrations: GET, POST and PATCH of applications, by object ID or
//     applications(appId='it'), with displayName, signInAudience and
//     requiredResourceAccess; addPassword and removePassword; GET and POST of
//     federatedIdentityCredentials; GET and POST of servicePrincipals; GET and POST of
//     appRoleAssignments, and POST of appRoleAssignedTo, for the permissions of Graph
//     (PermissionIDs). Lists take $filter with eq on displayName or appId. It takes
//     Application.ReadWrite.All and AppRoleAssignment.ReadWrite.All, which Config.Roles
//     must name. All of it shows at once, where Graph's lags: see Fault for the errors.
//
// A permission that is missing (Config.Roles, Withdraw) is answered with 403,
// or, where the question is about several kinds of objects, with null for all
// but the type and ID of those that may not be read. Membership and role
// assignments show at once; Graph's may lag.
//
// Stamps are whole seconds, so that two revokes within one second leave the
// same stamp. The two stamps are separate values here; whether they are in
// Entra is not documented. Reads lag behind writes when SetReplicationLag says
// so.
//
// Answers tell how much of a limit is used up where SetLimitUsed says so. The
// priority that a request claims (x-ms-throttle-priority) is recorded with its
// headers and changes nothing.
//
// A guest is accepted like anybody else and nothing moves: Microsoft documents
// that the sessions of external users, who sign in at their home tenant, are
// not revoked. Their Post says Applied false.
//
// A revoke that names no user, climbs out of the path with "..", or goes to
// /me is recorded as a Post and answered with an error, so that a test can
// assert that it never happens.
//
// # What is not modelled
//
// All of Graph and Entra that is not above. Where it is another path, method or query
// option, the answer is 501 with a body that says so, and Unknown lists the request. The
// rest of what a test may run into:
//
//	what                                        what the double does
//	------------------------------------------  ------------------------------------------
//	other paths and methods (users/delta,       501 and Unknown
//	  $count, $batch, memberOf, {tenant}/users,
//	  PATCH …)
//	$expand, $search, $orderby, $skip, $format  501 and Unknown; so is $count where it is
//	                                              not named above
//	other filters                               501 and Unknown; 400 where quotes are odd
//	                                              or nothing is asked
//	a relationship in $select ("manager"), and  501 and Unknown
//	  what takes a permission of its own
//	  (customSecurityAttributes,
//	  mailboxSettings)
//	query options of a POST                     501 and Unknown
//	keys by another name (groups(uniqueName))   501 and Unknown
//	odata.metadata=full                         501 and Unknown
//	a segment that Graph does not have either   501 and Unknown, where Graph says 400; but
//	                                              for Retire, and what only beta has
//	federated credentials of applications       kept; a sign-in by one is AADSTS7000218
//	  beside that of Config
//	Application.ReadWrite.OwnedBy               403, as with no permission
//	the application of Config in applications   not there; nor is its service principal
//	  and servicePrincipals
//	authorize, signing keys, v1 endpoints       501 and Unknown
//	instance discovery of other authorities     AADSTS50049
//	tenants by domain name, common and the like AADSTS90002
//	national clouds' names of Graph             AADSTS500011; set Config.GraphURL
//	signatures of tokens                        none; Graph knows each token it gave out
//	other claims of access tokens (wids, amr …) left out; so are all without ReadableTokens
//	what a person may do in Graph               what the application may, whatever their
//	                                              roles and the scope that they asked for
//	consent, conditional access, MFA            nobody is asked; see Fault for the errors
//	/me with a person's token                   GET: 501 and Unknown; a revoke is refused, as
//	                                              it is to an application
//	claims challenges at the token endpoint     ignored
//	an administrator as a target                revoked like others; what Graph does for an
//	                                              application without a role is not documented
//	access tokens after a revoke                live on; refresh tokens end at once
//	properties that User and Group lack         null, or []
//	default properties of a group               id and displayName, where Graph has more
//	properties that are newer than the lists    400, as a name that Graph does not have; those
//	                                              of beta are of 2025, those of v1.0 older
//	properties of groups                        the same in v1.0 and beta
//	administrative units in memberships         not there
//	resource units (x-ms-resource-unit), quotas none; see SetLimitUsed and Fault
//	Accept of anything but JSON, compression    JSON, as it is
//	Content-Type of what is posted to Graph     not looked at; Graph refuses some, and
//	                                              does not say which
//	identity endpoint of virtual machines       not there; App Service's is
//
// The package depends on the standard library alone and not on testing, so
// that a program may embed it.
package graphtest
