// Going about: who one is and what is open. All of it is in the address, so that reload,
// Back and links work: #person/conversation/thread.

import { $, announce } from "./dom.js";
import { addTrouble, atHome, channel, now, personName, states, unread, view } from "./memory.js";
import { openHome } from "./acts.js";
import { closeConfirm } from "./confirm.js";
import { closeMenu } from "./menu.js";
import { draw } from "./main.js";

function address() {
  const open = view.threadOf[view.me];
  const at = view.channelOf[view.me];
  const parts = [view.me, at];
  if (open && open.channel === at) parts.push(open.ts);
  return "#" + parts.map(encodeURIComponent).join("/");
}

// moved draws where one is now. It is a step of its own for Back if the address changed.
function moved() {
  draw();
  if (location.hash !== address()) history.pushState(null, "", address());
}

// settle makes what is open something that is there: at the start, and after a change.
export function settle(state) {
  const at = view.channelOf[view.me];
  if (at === "home" ? !state.home : !channel()) {
    view.channelOf[view.me] = (state.channels.find((c) => c.id === state.first) || state.channels[0]).id;
  }
}

// showAddress corrects the address, where what it says is gone.
export function showAddress() {
  if (location.hash !== address()) history.replaceState(null, "", address());
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // a link may hold anything
  }
}

// leave closes what belongs to the person and the place that are left. On a small screen
// that is what covers them, too.
function leave() {
  closeConfirm();
  closeMenu();
  document.body.classList.remove("paneled");
  if (!matchMedia("(min-width: 48.01rem)").matches) document.body.classList.remove("sided");
}

// follow takes the person, conversation and thread from the address.
export function follow() {
  leave();
  const [person, at, thread] = location.hash.slice(1).split("/").map(decoded);
  if (states.has(person)) view.me = person;
  else if (!states.has(view.me)) view.me = [...states.keys()][0];
  if (person === view.me && at) {
    view.channelOf[view.me] = at;
    if (thread) view.threadOf[view.me] = { channel: at, ts: thread };
    else delete view.threadOf[view.me];
  }
  settle(now());
  draw();
  showAddress();
  if (atHome()) openHome();
}

// toBox moves the focus to the message box; on a touch screen that would bring up the
// keyboard.
export function toBox() {
  if (!matchMedia("(hover: none)").matches && !$("compose").hidden && !document.querySelector("dialog[open]")) $("input").focus();
}

// waiting is the conversation with what waits for a person: what is meant for them; where
// they have not been anywhere yet, what they have not read.
function waiting(state) {
  const last = (c) => c.messages.reduce((latest, m) => (m.ts > latest ? m.ts : latest), "");
  const newest = (what) => state.channels.filter((c) => unread(state, c)[what]).sort((a, b) => (last(a) < last(b) ? 1 : -1))[0];
  return newest("loud") || (view.channelOf[state.me] ? undefined : newest("all"));
}

// become makes one another person, where something waits for them.
export function become(person) {
  leave();
  view.me = person;
  const there = waiting(now());
  settle(now());
  if (there) {
    const { thread } = unread(now(), there);
    if (thread) view.threadOf[person] = { channel: there.id, ts: thread };
    else delete view.threadOf[person]; // it is about something else
    view.channelOf[person] = there.id;
  }
  moved();
  announce(`You are now ${personName(person)}, in ${$("place").textContent}.`);
  toBox();
}

export function enter(id) {
  view.channelOf[view.me] = id;
  const open = view.threadOf[view.me];
  if (open && open.channel !== id) delete view.threadOf[view.me];
  moved();
  if (id === "home") openHome();
  toBox();
}

export function openThread(place, ts) {
  view.channelOf[view.me] = place;
  view.threadOf[view.me] = { channel: place, ts };
  document.body.classList.remove("sided", "paneled");
  moved();
  $("thread-title").focus();
}

export function closeThread() {
  const open = view.threadOf[view.me];
  delete view.threadOf[view.me];
  moved();
  const from = open && [...$("messages").children].find((n) => n.dataset.ts === open.ts);
  if (from) (from.querySelector(".replies") || from).focus();
}

// goTo leads to a message.
export function goTo(id, ts, thread) {
  if (!now().channels.some((c) => c.id === id)) {
    addTrouble(view.me, view.channelOf[view.me], "", "That message is in a conversation that you are not in.");
    draw();
    return;
  }
  enter(id);
  if (thread && thread !== ts) openThread(id, thread);
  const found = document.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
  if (!found) return;
  found.scrollIntoView({ block: "center" });
  found.focus();
}

window.addEventListener("popstate", () => {
  if (states.size) follow();
});
$("thread-close").addEventListener("click", closeThread);
$("thread").addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeThread();
});
