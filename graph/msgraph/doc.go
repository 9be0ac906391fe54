// Package msgraph talks to Microsoft Entra and Microsoft Graph through
// Microsoft's own SDK and answers in the words of package graph. It is the only
// package that imports the Graph SDK, kiota and azidentity.
//
// It imports users, models and odataerrors of the beta SDK and never its root
// package, which would double a build of several minutes and 9 GB. What the
// root package sets up is therefore set up here, and smaller: no compression,
// no redirects, no URL rewriting, no retries. Each of those has a way of doing
// something that the bot did not ask for; when to try again is decided by
// whoever calls.
//
// For the same reason questions about groups and role management, whose
// packages are as large, are written out as URL templates and sent through the
// SDK's adapter (see Client.get).
//
// The SDK takes any status below 400 for a success, and some of its errors
// panic when they are printed. So nothing here infers a success from a nil
// error, and no error of the SDK is ever printed or passed on: each call notes
// what went over the wire (see exchange), and that is judged.
package msgraph
