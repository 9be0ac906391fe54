// The page of the Slack double: it draws what GET state says and sends what people do.

import { $, el, icon, keepEnd, patch, stayAtEnd } from "./dom.js";
import { block } from "./blocks.js";
import { drawPanel, drawSide } from "./beside.js";
import { drawCompose, fill } from "./compose.js";
import { drawView } from "./forms.js";
import { atHome, channel, learn, markRead, now, personName, states, unread, view, withTroubles } from "./memory.js";
import { become, enter, follow, settle, showAddress, toBox } from "./places.js";
import { item } from "./messages.js";
import { press } from "./acts.js";
import { mrkdwn } from "./text.js";

const count = (n, what) => (n ? el("span", { class: "count" }, String(n), el("span", { class: "unseen" }, what)) : null);

// draw shows what is known now.
export function draw() {
  const state = now();
  if (!state) return;
  settle(state);
  const c = channel(); // none: the Home tab
  const { parent } = openedThread(state);
  if (document.visibilityState === "visible") {
    if (c) markRead(`${view.me} ${c.id}`, c.messages);
    if (parent) markRead(`${view.me} ${view.threadOf[view.me].channel} ${parent.ts}`, parent.replies || []);
  }
  document.title = state.title;
  $("title").textContent = state.title;
  $("intro").textContent = state.intro;
  drawPanel(state.panel); // first, so that it is there whatever goes wrong below
  drawPeople(state);
  drawConversations(state);
  if (c) drawPlace(state, c);
  else drawHome(state);
  drawThread(state);
  drawSide(state.side);
  drawView(state);
}

function drawPeople(state) {
  patch($("people"), state.people.map((p) => {
    const theirs = states.get(p.id);
    const [first, ...rest] = p.name.split(" ");
    const waits = theirs && p.id !== view.me ? theirs.channels.reduce((sum, c) => sum + unread(theirs, c).loud, 0) : 0;
    return {
      key: p.id, of: [p, waits, p.id === view.me],
      make: () => el("button", { type: "button", "aria-pressed": String(p.id === view.me), "data-focus": p.id, onclick: () => become(p.id) },
        el("b", {}, first, rest.length ? el("span", { class: "rest" }, " " + rest.join(" ")) : null), p.role ? el("span", { class: "role" }, p.role) : null, count(waits, " unread")),
    };
  }));
  const me = state.people.find((p) => p.id === view.me);
  $("role").textContent = me && me.role ? `${me.name}: ${me.role}` : "";
}

function drawConversations(state) {
  const heading = (text) => ({ key: text, of: text, make: () => el("h2", {}, text) });
  const entries = state.channels.map((c) => {
    const { all, loud } = unread(state, c);
    const here = c.id === view.channelOf[view.me] || (c.direct && atHome());
    // The app's entry leads to its Home tab, unless it has written something.
    const leads = c.direct && state.home && !all && !here ? "home" : c.id;
    return {
      key: c.id, of: [c.name, c.private, here, all, loud, leads],
      make: () => el("button", {
        type: "button", class: all ? "fresh" : "", "aria-current": here ? "page" : undefined, "data-focus": c.id, onclick: () => enter(leads),
      }, sign(c), el("span", { class: "name" }, c.name), all && !loud ? el("span", { class: "unseen" }, " unread") : null, here ? null : count(loud, " unread")),
    };
  });
  entries.splice(-1, 0, heading("Apps")); // the app comes last
  patch($("channels"), [heading("Channels"), ...entries]);
}

const sign = (c) => el("span", { class: "sign", "aria-hidden": "true" }, c.direct ? icon("app") : c.private ? icon("lock") : "#");

// drawHead says which conversation is open, and who is there.
function drawHead(state, title, present, app) {
  $("place").replaceChildren(...title);
  $("present").textContent = present;
  $("tabs").hidden = !app || !state.home;
  for (const [id, here] of [["tab-home", atHome()], ["tab-messages", !atHome()]]) {
    if (here) $(id).setAttribute("aria-current", "page");
    else $(id).removeAttribute("aria-current");
  }
}

function drawPlace(state, c) {
  drawHead(state, c.direct ? [c.name] : [c.private ? icon("lock", "private") : "#", " " + c.name],
    c.direct ? "Your direct messages with the app." : "Here: " + c.members.map((id) => personName(id)).join(", "), c.direct);
  keepEnd($("messages"), `${view.me} ${c.id}`, () => {
    const items = withTroubles(c.messages, c.id).map((m) => item(m, c.id, false));
    if (state.steps.length && (c.id === state.first || !state.started)) {
      items.unshift({ key: "start", of: state.steps, make: () => el("div", { class: "start" }, el("h3", {}, "Start here"), el("p", { class: "faint" }, state.intro), el("ol", {}, state.steps.map((text) => el("li", {}, step(text, state.hints))))) });
    } else if (!items.length) {
      items.unshift({ key: "nothing", of: c.id, make: () => el("p", { class: "nothing" }, c.direct ? "No messages yet. What the app tells you alone will be here." : `This is the very beginning of ${c.name}.`) });
    }
    patch($("messages"), items);
  });
  const to = c.direct ? c.name : "#" + c.name;
  drawCompose(c.readOnly, `Message ${to}, or / for a command`, `Message to ${to} as ${personName(view.me)}`);
}

// step is one of the first steps. A command that it ends with can be pressed.
function step(text, hints) {
  const hint = hints.filter((h) => text.endsWith(" " + h)).sort((a, b) => b.length - a.length)[0];
  return hint ? [text.slice(0, -hint.length), el("button", { type: "button", class: "try", "data-focus": "try " + hint, onclick: () => fill(hint) }, hint)] : text;
}

function drawHome(state) {
  drawHead(state, [state.bot.name], "Only you see this.", true);
  const { blocks } = state.home;
  keepEnd($("messages"), `${view.me} home`, () => patch($("messages"), [
    {
      key: "home", of: [blocks || null, view.me],
      make: () => el("div", { class: "home content" }, blocks ? blocks.map((b) => block(b, press)) : el("p", { class: "faint" }, "The app has published nothing here yet.")),
    },
    ...withTroubles([], "home").map((m) => item(m, "home", false)),
  ]));
  drawCompose(true, "", "");
}

// openedThread finds the conversation and the message of the open thread;
// parent is undefined when none is open or the message is gone.
function openedThread(state) {
  const open = view.threadOf[view.me];
  const place = open && state.channels.find((c) => c.id === open.channel);
  return { place, parent: place && place.messages.find((m) => m.ts === open.ts) };
}

function drawThread(state) {
  const open = view.threadOf[view.me];
  const { place, parent } = openedThread(state);
  const was = !$("thread").hidden;
  $("thread").hidden = !parent;
  document.body.classList.toggle("threaded", Boolean(parent));
  if (!parent) return;
  $("thread-of").textContent = el("p", {}, mrkdwn(parent.text, true)).textContent; // as much as fits
  const answers = withTroubles(parent.replies || [], place.id, parent.ts);
  keepEnd($("replies"), was ? `${view.me} ${open.channel} ${open.ts}` : "", () => patch($("replies"), [
    item(parent, place.id, true),
    { key: "count", of: answers.length, make: () => el("p", { class: "rule" }, answers.length === 1 ? "1 reply" : `${answers.length} replies`) },
    ...answers.map((m) => item(m, place.id, true)),
  ]));
}

// ---- Reading the state

async function get(person) {
  const response = await fetch("state" + (person ? "?as=" + encodeURIComponent(person) : ""));
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

let reading = null;
let stale = false;
let begun = false;

// refresh reads what everybody sees, once more if something changed meanwhile.
export function refresh() {
  stale = true;
  reading ||= (async () => {
    while (stale) {
      stale = false;
      try {
        const first = await get("");
        if (!learn([first, ...await Promise.all(first.people.filter((p) => p.id !== first.me).map((p) => get(p.id)))])) {
          stale = true;
          continue;
        }
      } catch {
        worried();
        setTimeout(refresh, 1000);
        return;
      }
      calm();
      if (begun && states.has(view.me)) {
        draw();
        showAddress();
      } else {
        follow();
        if (!begun) toBox();
        begun = true;
      }
    }
  })().finally(() => {
    reading = null;
  });
  return reading;
}

const directs = () => now().channels.find((c) => c.direct).id;

$("tab-home").addEventListener("click", () => enter("home"));
$("tab-messages").addEventListener("click", () => enter(directs()));
for (const id of ["thread-close", "side-close", "panel-close", "menu-close"]) $(id).append(icon("close"));
for (const id of ["messages", "replies"]) stayAtEnd($(id));
$("hear").addEventListener("change", draw);

// ---- Hearing of changes

let events = null;
let worry = 0; // a timer

// worried says soon that there is no connection, unless it is back before.
function worried() {
  worry ||= setTimeout(() => {
    $("lost").hidden = false;
  }, 1500);
}

function calm() {
  clearTimeout(worry);
  worry = 0;
  $("lost").hidden = true;
}

// listen opens the stream of events. A window that nobody sees does without: a browser
// gives all windows of an address six connections together.
function listen() {
  if (events || document.visibilityState !== "visible") return;
  events = new EventSource("events");
  events.onmessage = refresh;
  events.onerror = () => {
    worried();
    if (events.readyState !== EventSource.CLOSED) return; // it tries again by itself
    hush();
    setTimeout(listen, 1000);
  };
}

function hush() {
  if (events) events.close();
  events = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    listen();
  } else {
    hush();
  }
  draw();
});
listen();
