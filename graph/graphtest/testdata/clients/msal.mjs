// @azure/msal-node signs in on loopback, by its own settings. Prints what it saw as
// one JSON object.
import { readFileSync } from "node:fs";
import { ConfidentialClientApplication, PublicClientApplication } from "@azure/msal-node";

const { AUTHORITY, GRAPH, TENANT, APP, SECRET, PEM, THUMBPRINT, APPROVE } = process.env;
const auth = {
  clientId: APP,
  authority: `${AUTHORITY}/${TENANT}`,
  // Else it asks login.microsoftonline.com whether the authority is one.
  knownAuthorities: [new URL(AUTHORITY).host],
};
const scopes = [`${GRAPH}/.default`];
const saw = {};

const bySecret = await new ConfidentialClientApplication({ auth: { ...auth, clientSecret: SECRET } }).acquireTokenByClientCredential({ scopes });
saw.bySecret = bySecret.tokenType;

const privateKey = readFileSync(PEM, "utf8").match(/-----BEGIN PRIVATE KEY-----[^]*-----END PRIVATE KEY-----/)[0];
const clientCertificate = { thumbprintSha256: THUMBPRINT, privateKey };
const byCertificate = await new ConfidentialClientApplication({ auth: { ...auth, clientCertificate } }).acquireTokenByClientCredential({ scopes });
saw.byCertificate = byCertificate.tokenType;

// The person is played by whoever started this program, and hears of the code from
// standard error.
if (APPROVE) {
  const app = new PublicClientApplication({ auth });
  const byDevice = await app.acquireTokenByDeviceCode({
    scopes,
    deviceCodeCallback: (code) => console.error(JSON.stringify({ userCode: code.userCode, where: code.verificationUri })),
  });
  saw.person = byDevice.account.username;
  const again = await app.acquireTokenSilent({ scopes, account: byDevice.account, forceRefresh: true });
  saw.again = again.account.username;
  saw.another = again.accessToken !== byDevice.accessToken;
}
console.log(JSON.stringify(saw));
