// Messages, and the lists of them.

import { $, el, icon, words } from "./dom.js";
import { block } from "./blocks.js";
import { click, runShortcut } from "./acts.js";
import { lastRead, now, today, view } from "./memory.js";
import { openMenu } from "./menu.js";
import { openThread } from "./places.js";
import { clock, day, mrkdwn, paragraphs, unescaped } from "./text.js";

function avatar(m) {
  const letters = m.name.split(/\s+/).map((word) => word[0] || "").join("").slice(0, 2).toUpperCase();
  const hue = [...m.user].reduce((sum, c) => sum + c.codePointAt(0), 0) % 6;
  return el("span", { class: `avatar ${m.app ? "bot" : "hue" + hue}`, "aria-hidden": "true" }, letters);
}

function content(m, press) {
  if (m.blocks) return m.blocks.map((b) => block(b, press));
  return m.plain ? [el("p", {}, words(unescaped(m.text)))] : paragraphs(m.text);
}

function heard(m) {
  if (!$("hear").checked || m.trouble || (!m.app && m.text === "")) return null;
  return el("div", { class: "hear" }, el("b", {}, "A screen reader and a notification say"),
    el("div", {}, m.text ? mrkdwn(m.text, true) : "nothing: there is no top-level text"));
}

// more opens what can be done with a message: the app's shortcuts.
function more(m, place) {
  if (m.ephemeral || !now().onMessage.length) return null;
  return el("button", {
    type: "button", class: "more", "aria-haspopup": "dialog", "aria-label": `More actions for the message of ${m.name}`, "data-focus": "more",
    onclick: () => openMenu(`Message of ${m.name}`, now().onMessage.map((s) => ({ text: s.name, note: now().bot.name, do: () => runShortcut(s, place, m) }))),
  }, icon("more"));
}

function message(m, place, inThread) {
  const press = (e) => click(place, m, e, inThread ? view.threadOf[view.me].ts : "");
  const at = new Date(m.at);
  return el("article", { class: (m.ephemeral ? "message private" : "message") + (m.trouble ? " trouble" : ""), tabindex: "-1", "data-ts": m.ts },
    avatar(m),
    el("div", { class: "body" },
      m.ephemeral ? el("p", { class: "faint" }, icon("eye"), " Only visible to you") : null,
      m.thread && !inThread ? el("p", { class: "faint" }, "replied to a thread") : null,
      el("p", { class: "head" }, el("b", {}, m.name), m.app ? el("span", { class: "badge" }, "APP") : null, " ",
        el("time", { datetime: at.toISOString(), title: at.toLocaleString() }, clock(at, false))),
      el("div", { class: "content" }, content(m, press), m.edited ? el("span", { class: "faint" }, "(edited)") : null),
      heard(m),
      !inThread && m.replies ? replies(m, place) : null),
    more(m, place));
}

function replies(m, place) {
  const last = m.replies.at(-1);
  const fresh = lastRead(`${view.me} ${place} ${m.ts}`) < last.ts;
  return el("button", { type: "button", class: "replies", "data-focus": "replies", onclick: () => openThread(place, m.ts) },
    m.replies.length === 1 ? "1 reply" : `${m.replies.length} replies`,
    el("span", { class: "faint" }, ` ${fresh ? "new, " : ""}last at ${clock(new Date(last.at), false)}`));
}

// item is a message for patch.
export const item = (m, place, inThread) => ({
  key: m.ts,
  of: [m, inThread || (m.replies && lastRead(`${view.me} ${place} ${m.ts}`)), $("hear").checked, view.me, day(today())],
  make: () => message(m, place, inThread),
});
