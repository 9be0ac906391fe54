// What the program says, by person, and what only this window knows: who one is, what is
// open, and what is in the boxes.

import { own } from "./dom.js";

export const states = new Map(); // person -> what they see

// view is what the window shows: the person, and by person the open conversation ("home"
// is the app's Home tab) and the open thread, {channel, ts}.
export const view = { me: "", channelOf: {}, threadOf: {} };

let kept = { instance: "", read: {}, drafts: {} };
let troubles = []; // lines of Slack's own, such as a command that failed
try {
  kept = { ...kept, ...JSON.parse(sessionStorage.getItem("kept")) };
} catch {
  // Storage may be off; then a reload forgets.
}

function keep() {
  try {
    sessionStorage.setItem("kept", JSON.stringify(kept));
  } catch {
    // As above.
  }
}

export const now = () => states.get(view.me);
export const channel = () => now().channels.find((c) => c.id === view.channelOf[view.me]);
export const atHome = () => view.channelOf[view.me] === "home";
export const personName = (id) => own(now().names.users, id) || id;

// today is the workspace's time: the demo's clock can be ahead.
export const today = () => new Date(Date.now() + (now() ? now().skew : 0));

// learn takes what the program said of everybody. It answers false if that is of two
// workspaces, one of which is over. From a workspace before, only what was not sent is kept.
export function learn(found) {
  const { instance } = found[0];
  if (found.some((state) => state.instance !== instance)) return false;
  if (kept.instance !== instance) {
    const boxes = Object.entries(kept.drafts).filter(([key]) => key.split(" ").length === 2); // no threads
    if (kept.instance !== "") {
      view.channelOf = {};
      view.threadOf = {};
    }
    kept = { instance, read: {}, drafts: Object.fromEntries(boxes) };
    troubles = [];
    keep();
  }
  states.clear();
  for (const state of found) {
    state.skew = state.now - Date.now();
    states.set(state.me, state);
  }
  return true;
}

// lastRead is the last ts that was on screen, of a conversation or a thread.
export const lastRead = (key) => own(kept.read, key) || "";

export function markRead(key, messages) {
  const last = messages.reduce((latest, m) => (m.ts > latest ? m.ts : latest), lastRead(key));
  if (lastRead(key) === last) return;
  kept.read[key] = last;
  keep();
}

// unread counts what a person has not read in a conversation: all of it, and what is
// meant for them, which is every direct message and every mention, in threads, too. thread
// is the last one with such a reply.
export function unread(state, c) {
  const last = lastRead(`${state.me} ${c.id}`);
  const fresh = c.messages.filter((m) => m.ts > last && m.user !== state.me);
  let loud = fresh.filter((m) => c.direct || m.mine || m.ephemeral).length;
  let [replies, thread] = [0, ""];
  for (const m of c.messages) {
    const read = lastRead(`${state.me} ${c.id} ${m.ts}`);
    const mine = (m.replies || []).filter((r) => r.ts > read && r.user !== state.me && (r.mine || r.ephemeral)).length;
    if (mine) thread = m.ts;
    replies += mine;
  }
  loud += replies;
  return { all: fresh.length + replies, loud, thread };
}

// draft is what is in a box and was not sent.
export const draft = (key) => own(kept.drafts, key) || "";

export function setDraft(key, text) {
  if (text) kept.drafts[key] = text;
  else delete kept.drafts[key];
  keep();
}

// addTrouble keeps a line that Slack itself writes to the person.
export function addTrouble(person, place, thread, text) {
  const at = today().getTime();
  const ts = `${Math.floor(at / 1000)}.${String(at % 1000).padStart(3, "0")}${String(100 + troubles.length % 900)}`;
  troubles.push({ person, place, thread: thread || "", line: { ts, at, user: "USLACKBOT", name: "Slack", text, plain: true, ephemeral: true, trouble: true } });
}

// withTroubles puts Slack's own lines among the messages of a place.
export function withTroubles(messages, place, thread) {
  const mine = troubles.filter((t) => t.person === view.me && t.place === place && t.thread === (thread || "")).map((t) => t.line);
  return [...messages, ...mine].sort((a, b) => (a.ts < b.ts ? -1 : 1));
}
