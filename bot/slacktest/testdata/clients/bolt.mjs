// A bot as its author would write it: a command, a card, a form, posts. The test
// closes stdin when it has seen enough.
import bolt from "@slack/bolt";

const app = new bolt.App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  logLevel: "error",
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});

app.command("/revoke-sessions", async ({ command, ack, respond, client }) => {
  await ack({ response_type: "ephemeral", text: "Got it." });
  const { user } = await client.users.info({ user: command.user_id });
  const { members } = await client.conversations.members({ channel: command.channel_id });
  await client.chat.postMessage({
    channel: command.channel_id,
    text: `${user.real_name}: ${command.text} (${members.length} members, locale ${user.locale})`,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: "*Lost a device*" } },
      {
        type: "actions",
        elements: [
          { type: "button", action_id: "why", text: { type: "plain_text", text: "Say why" } },
          { type: "button", action_id: "help", text: { type: "plain_text", text: "Help" }, url: "https://help.example/" },
        ],
      },
    ],
  });
  await respond({ response_type: "ephemeral", text: "Posted." });
});

app.action("why", async ({ ack, action, body, client }) => {
  await ack();
  await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: "modal",
      callback_id: "form",
      private_metadata: JSON.stringify({ channel: body.channel.id, ts: body.message.ts, value: "value" in action }),
      title: { type: "plain_text", text: "Why" },
      submit: { type: "plain_text", text: "Send" },
      blocks: [
        {
          type: "input",
          block_id: "why",
          label: { type: "plain_text", text: "Why?" },
          element: { type: "plain_text_input", action_id: "text", min_length: 3 },
        },
      ],
    },
  });
});

app.action("help", async ({ ack, action, body, client }) => {
  await ack();
  await client.chat.postMessage({ channel: body.channel.id, thread_ts: body.message.ts, text: `Opened ${action.url}` });
});

app.view("form", async ({ ack, view, body, client }) => {
  const why = view.state.values.why.text.value;
  if (why === "because") {
    await ack({ response_action: "errors", errors: { why: "Say more." } });
    return;
  }
  await ack();
  const { channel, ts, value } = JSON.parse(view.private_metadata);
  await client.chat.update({ channel, ts, text: `Why: ${why}`, blocks: [], attachments: [] });
  await client.chat.postMessage({ channel, thread_ts: ts, text: `<@${body.user.id}> answered, value sent: ${value}` });
});

app.error(async (error) => {
  console.error(error);
});

await app.start();
process.stdin.resume().on("end", async () => {
  await app.stop();
  process.exit(0);
});
