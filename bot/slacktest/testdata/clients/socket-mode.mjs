// A socket that is opened again whenever Slack or the network ends it.
import { SocketModeClient } from "@slack/socket-mode";

const client = new SocketModeClient({
  appToken: process.env.SLACK_APP_TOKEN,
  logLevel: "error",
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});
let commands = 0;
client.on("slash_commands", async ({ body, ack }) => {
  commands++;
  await ack({ text: `${commands}: ${body.text}` });
});
await client.start();
process.stdin.resume().on("end", async () => {
  await client.disconnect();
  process.exit(0);
});
