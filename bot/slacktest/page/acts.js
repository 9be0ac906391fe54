// What people do, sent to the program. It knows who acts from the page; the app hears of
// it as it would from Slack.

import { addTrouble, draft, setDraft, view } from "./memory.js";
import { confirmed } from "./confirm.js";
import { draw } from "./main.js";
import { safe } from "./text.js";

// noAnswer says what is known of an act without an answer.
export const noAnswer = "No answer from the program. It is not known whether this arrived";

// send does an act. It answers {saw}, the error that Slack would show; or {problem}, why it
// was impossible; or {lost}: it is not known whether it arrived.
export async function send(path, act) {
  try {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Page": "1" }, body: JSON.stringify(act) });
    if (response.ok || response.status === 409) return await response.json();
    if (response.status === 503) return { lost: true }; // the workspace was closed before the app answered
    return { problem: (await response.text()).trim() };
  } catch {
    return { lost: true };
  }
}

// trouble shows a line that Slack itself writes to the person.
function trouble(person, place, thread, text) {
  addTrouble(person, place, thread, text);
  draw();
}

// type sends what somebody typed. key is the draft that it was: unless it was taken, it is
// put back.
export async function type(line, thread, key) {
  const person = view.me;
  const place = thread ? view.threadOf[view.me].channel : view.channelOf[view.me];
  const text = line.trim();
  if (text === "") return;
  const command = text.startsWith("/") ? text.split(/\s/)[0] : "";
  const failed = (what) => {
    const free = !draft(key);
    if (free) setDraft(key, line);
    trouble(person, place, thread, free ? `${what} What you typed is in the box again.` : `${what} You typed: ${text}`);
  };
  if (command && thread) {
    failed(`${command} is not supported in threads. Type it into the conversation.`);
    return;
  }
  const { saw, problem, lost } = command
    ? await send("command", { as: person, channel: place, text })
    : await send("say", { as: person, channel: place, thread: thread || "", text });
  if (lost) failed(`${noAnswer}.`);
  else if (problem) failed(`${problem}.`);
  else if (saw === "operation_timeout") failed(`${command} failed because the app did not respond (operation_timeout).`);
  else if (saw) failed(`${command} failed with the error “${saw}”.`);
}

// pressed sends somebody's press and says what went wrong with it.
async function pressed(person, what, place, thread, path, act) {
  const { saw, problem, lost } = await send(path, { as: person, ...act });
  if (lost) trouble(person, place, thread, `“${what}”: ${noAnswer}.`);
  else if (problem) trouble(person, place, thread, `“${what}” failed: ${problem}.`);
  else if (saw) trouble(person, place, thread, `“${what}”: the app did not respond (${saw}). Try it again.`);
}

export async function click(place, m, e, thread) {
  const person = view.me; // who opens the dialog is who presses
  if (e.confirm && !(await confirmed(e.confirm))) return;
  if (e.url && safe(e.url)) window.open(e.url, "_blank", "noopener");
  await pressed(person, e.text.text, place, thread, "click", { channel: place, ts: m.ts, action: e.action_id });
}

// press presses a button in the Home tab.
export async function press(e) {
  const person = view.me;
  if (e.confirm && !(await confirmed(e.confirm))) return;
  await pressed(person, e.text.text, "home", "", "press", { action: e.action_id, value: e.value || "" });
}

// runShortcut runs one of the app, on a message m if there is one.
export async function runShortcut(shortcut, place, m) {
  await pressed(view.me, shortcut.name, place, "", "shortcut", m ? { action: shortcut.id, channel: place, ts: m.ts } : { action: shortcut.id });
}

// openHome tells the app that somebody opened its Home tab.
export const openHome = () => pressed(view.me, "Home", "home", "", "home", {});
