// @azure/identity signs in and @microsoft/microsoft-graph-client asks: on loopback by
// their own settings, behind Microsoft's names (PLAIN) without any. Prints what it saw
// as one JSON object.
import { ClientCertificateCredential, ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const { AUTHORITY, GRAPH, TENANT, APP, SECRET, PEM, USER, PLAIN } = process.env;

// The authority is not Microsoft's, so that nobody is to be asked whether it is.
const settings = PLAIN ? {} : { authorityHost: AUTHORITY, disableInstanceDiscovery: true };

function graph(credential) {
  const authProvider = new TokenCredentialAuthenticationProvider(credential, { scopes: [`${GRAPH}/.default`] });
  if (PLAIN) return Client.initWithMiddleware({ authProvider, defaultVersion: "beta" });
  // Without customHosts the client sends no token to a host that is not Microsoft's.
  return Client.initWithMiddleware({ authProvider, baseUrl: GRAPH, defaultVersion: "beta", customHosts: new Set([new URL(GRAPH).hostname]) });
}

const saw = {};
const bySecret = graph(new ClientSecretCredential(TENANT, APP, SECRET, settings));
saw.user = await bySecret.api(`/users/${USER}`).select("id,DisplayName,employeeId").get();

// Every page, by the links that the double gives.
saw.pages = [];
for (let page = await bySecret.api("/users").top(2).select("displayName").get(); ; page = await bySecret.api(page["@odata.nextLink"]).get()) {
  saw.pages.push(page.value.map((one) => one.displayName));
  if (!page["@odata.nextLink"]) break;
}

const byCertificate = graph(new ClientCertificateCredential(TENANT, APP, PEM, settings));
saw.revoked = await byCertificate.api(`/users('${USER}')/revokeSignInSessions`).post({});

try {
  await bySecret.api("/users/delta").get();
} catch (error) {
  saw.unknown = error.statusCode;
}
try {
  await new ClientSecretCredential(TENANT, APP, "wrong", settings).getToken(`${GRAPH}/.default`);
} catch (error) {
  saw.wrongSecret = error.message.match(/AADSTS\d+/)?.[0];
}
try {
  await new ClientSecretCredential(TENANT, APP, SECRET, settings).getToken("User.Read.All");
} catch (error) {
  saw.wrongScope = error.message.match(/AADSTS\d+/)?.[0];
}
console.log(JSON.stringify(saw));
