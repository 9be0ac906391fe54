// slack-edge has no setting for the Web API's address in an app: it is rewritten
// on the way out. It wants a WebSocket from the platform, which Node before 22
// keeps in undici.
import { WebSocket } from "undici";
import { SlackAPIClient, SlackApp } from "slack-edge";

const slack = "https://slack.com/api/";
const direct = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = typeof input === "string" ? input : input.url;
  if (!url.startsWith(slack)) {
    return direct(input, init);
  }
  const here = process.env.SLACK_API_URL + url.slice(slack.length);
  return direct(typeof input === "string" ? here : new Request(here, input), init);
};
globalThis.WebSocket ??= WebSocket;

const app = new SlackApp({
  socketMode: true,
  env: { SLACK_BOT_TOKEN: process.env.SLACK_BOT_TOKEN, SLACK_APP_TOKEN: process.env.SLACK_APP_TOKEN, SLACK_LOGGING_LEVEL: "ERROR" },
});
app.command(
  "/revoke-sessions",
  async () => "Got it.",
  async ({ payload, context }) => {
    const web = new SlackAPIClient(process.env.SLACK_BOT_TOKEN, { baseUrl: process.env.SLACK_API_URL });
    let cursor, members = 0;
    do {
      const page = await web.conversations.members({ channel: "C9", limit: 100, cursor });
      members += page.members.length;
      cursor = page.response_metadata?.next_cursor;
    } while (cursor);
    await context.client.chat.postMessage({ channel: payload.channel_id, text: `${payload.text}: ${members} members` });
    await context.respond({ text: "Posted." });
  },
);
await app.connect();
process.stdin.resume().on("end", () => process.exit(0));
