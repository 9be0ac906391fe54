// Package graphtest is a double of Microsoft Entra and Microsoft Graph for
// tests and demonstrations: one TLS server on loopback that issues tokens,
// answers questions about users, carries out the two revoke actions, and fails
// in the ways in which the real service, or the network before it, fails.
//
//	server, err := graphtest.Start(graphtest.Config{})
//	if err != nil { … }
//	defer server.Close()
//	carol := server.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
//	// Point the client at server.URL(), as authority host and as Graph host,
//	// let it trust server.Certificate() and sign in as server.Config() says.
//	fmt.Println(server.Posts()) // every revoke that arrived
//
// # What is modelled
//
// Entra: the OpenID configuration and the token endpoint of one tenant, for
// one application. Errors look like Entra's, AADSTS number included. Access
// tokens are random strings that Graph looks up, or readable ones
// (ReadableTokens); they expire. The application signs in with
//
//   - its client secret;
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
// Not modelled: what a person may do in Graph, which is the same as the
// application may, whatever their roles; consent; claims challenges at the
// token endpoint; signatures of ID tokens, which MSAL does not check; instance
// discovery. Revoking ends refresh tokens at once, and no access token.
// Assertions are checked by Config.Now, so that a client with the machine's
// clock wants that to be the machine's.
//
// Graph, under /beta and /v1.0:
//
//   - GET /users/{object ID or user principal name}, honouring $select to the
//     letter: what was not selected is not answered, what does not exist is an
//     error.
//   - GET /users with $filter on userPrincipalName, mail or proxyAddresses
//     (eq only), $select, $top and pages. Anything else is an error, where the
//     real service would allow more.
//   - signInActivity of one user, or of those in a list, where the tenant has a
//     premium licence (SetPremium) and the application AuditLog.Read.All.
//   - POST /users/{id}/invalidateAllRefreshTokens (beta only): 204, and
//     refreshTokensValidFromDateTime becomes now.
//   - POST /users/{id}/revokeSignInSessions: 200 with the value true, and
//     signInSessionsValidFromDateTime becomes now.
//   - Either action taken away by Retire, or not permitted: the two take
//     different permissions, so that Withdraw and Grant can leave one of them.
//     An account in a restricted management unit is refused by both, for the
//     application is taken to hold no role in the unit.
//   - POST /users/{id}/checkMemberGroups, twenty groups at most. A group that
//     does not exist is passed over; what Graph does with it is not documented.
//   - GET /users/{id}/transitiveMemberOf: groups, nested ones too, and the
//     built-in roles that are assigned in the whole tenant. Custom roles and
//     those within an administrative unit are not there, as in Graph.
//   - GET /groups/{id} and /groups/{id}/transitiveMembers/microsoft.graph.user.
//     Some say that Graph wants ConsistencyLevel and $count for that cast;
//     others use it without, and so may one here.
//   - GET /roleManagement/directory/roleDefinitions, with $filter on
//     isPrivileged (beta only), and /transitiveRoleAssignments (beta only),
//     which is not found without the header ConsistencyLevel: eventual and
//     wants $count=true and a principal. What Graph answers without $count is
//     not documented; here it is 400.
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
// A guest is accepted like anybody else and nothing moves: Microsoft documents
// that the sessions of external users, who sign in at their home tenant, are
// not revoked. Their Post says Applied false.
//
// A revoke that names no user, climbs out of the path with "..", or goes to
// /me is recorded as a Post and answered with an error, so that a test can
// assert that it never happens.
//
// The package depends on the standard library alone and not on testing, so
// that a program may embed it.
package graphtest
