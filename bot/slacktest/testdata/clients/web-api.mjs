// Calls of the Web API, one after the other; what they answered is the output.
import { WebClient } from "@slack/web-api";

const web = new WebClient(process.env.SLACK_BOT_TOKEN, { slackApiUrl: process.env.SLACK_API_URL, logLevel: "error" });
const found = {};

// fails is the code that a call is refused with.
async function fails(call) {
  try {
    await call;
  } catch (error) {
    return error.data?.error ?? String(error);
  }
  return "";
}

found.members = [];
for await (const page of web.paginate("conversations.members", { channel: "C9", limit: 40 })) {
  found.members.push(page.members.length);
}
found.firstPage = (await web.conversations.members({ channel: "C9" })).members.length;
found.tooMany = await fails(web.conversations.members({ channel: "C9", limit: 1000 }));
found.badCursor = await fails(web.conversations.members({ channel: "C9", cursor: "bm9ib2R5" }));

found.locale = (await web.users.info({ user: "U1", include_locale: true })).user.locale;
found.unasked = (await web.users.info({ user: "U1" })).user.locale ?? "";
found.byEmail = (await web.users.lookupByEmail({ email: "bob@contoso.example" })).user.id;
found.group = (await web.usergroups.users.list({ usergroup: "S1", team_id: "T0SLACKTEST" })).users;

const root = await web.chat.postMessage({ channel: "#security", text: "first", attachments: [] });
const reply = await web.chat.postMessage({ channel: root.channel, text: "reply", thread_ts: root.ts });
found.replyToReply = await fails(web.chat.postMessage({ channel: root.channel, text: "lost", thread_ts: reply.ts }));
found.link = (await web.chat.getPermalink({ channel: root.channel, message_ts: reply.ts })).permalink.includes(`thread_ts=${root.ts}`);

// As people do who write their own client: JSON, everywhere.
const json = await fetch(`${process.env.SLACK_API_URL}users.info`, {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.SLACK_BOT_TOKEN}`, "Content-Type": "application/json" },
  body: JSON.stringify({ user: "U1" }),
});
const { error, response_metadata: { warnings } } = await json.json();
found.json = [error, ...warnings];

const parts = new FormData();
parts.append("user", "U2");
const multipart = await fetch(`${process.env.SLACK_API_URL}users.info`, {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.SLACK_BOT_TOKEN}` },
  body: parts,
});
found.multipart = (await multipart.json()).user.id;

console.log(JSON.stringify(found));
