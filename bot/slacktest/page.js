// The page of the Slack double: it draws what GET state says and sends what
// people do. Text enters the document as text nodes only, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);

// What the program says, by person; and what only this window knows.
const states = new Map();
const channelOf = {}; // person -> the conversation that is open
const threadOf = {}; // person -> {channel, ts} of the open thread
const drafts = {}; // person and conversation -> what stands in the input
let troubles = []; // lines of Slack's own, such as a command that failed
let me = decodeURIComponent(location.hash.slice(1));
let read = {}; // person and conversation -> the last ts that was on screen
try {
  read = JSON.parse(sessionStorage.getItem("read")) || {};
} catch {
  // Storage may be off; then everything is unread after a reload.
}

const now = () => states.get(me);
const channel = () => now().channels.find((c) => c.id === channelOf[me]);

// ---- Making and renewing parts of the document

// el makes an element. Children are nodes or strings; strings become text.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const shown = new WeakMap(); // node -> what it was made of

// patch makes the children of box the items, [{key, of, make}], and leaves
// alone what has not changed: focus, selection and screen readers stay put.
function patch(box, items) {
  const old = new Map([...box.children].map((node) => [node.dataset.key, node]));
  items.forEach(({ key, of, make }, i) => {
    const sig = JSON.stringify(of);
    let node = old.get(key);
    old.delete(key);
    if (!node || shown.get(node) !== sig) {
      const fresh = make();
      fresh.dataset.key = key;
      shown.set(fresh, sig);
      if (node) {
        const focused = node.contains(document.activeElement) && document.activeElement.dataset.focus;
        node.replaceWith(fresh);
        if (focused !== false) {
          const again = [...fresh.querySelectorAll("[data-focus]")].find((n) => n.dataset.focus === focused);
          (again || fresh).focus({ preventScroll: true });
        }
      }
      node = fresh;
    }
    if (box.children[i] !== node) box.insertBefore(node, box.children[i] || null);
  });
  for (const node of old.values()) node.remove();
}

// keepEnd does a change and stays at the end of a scrolled box if that is
// where the reader was. Of a last message taller than the box it shows the top.
function keepEnd(box, key, change) {
  const other = box.dataset.shows !== key;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40 || String(box.scrollTop) === box.dataset.put;
  change();
  box.dataset.shows = key;
  if (!other && !atEnd) return;
  const last = box.lastElementChild;
  box.scrollTop = last && last.offsetHeight > box.clientHeight ? last.offsetTop - box.offsetTop : box.scrollHeight;
  box.dataset.put = box.scrollTop;
}

// ---- Words

const clock = (date, seconds) =>
  date.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit", second: seconds ? "2-digit" : undefined });

const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

// nearDay is today, yesterday or tomorrow, or nothing.
function nearDay(date) {
  const days = Math.round((day(date) - day(new Date())) / 86400000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

// onDay is a date in the reader's zone. The year is left out where it is plain.
function onDay(date, options) {
  const months = (date - new Date()) / 86400000 / 30.4;
  const year = months < -6 || months > 3 ? "numeric" : undefined;
  return date.toLocaleDateString("en-US", { year, ...options });
}

// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
const dateForms = {
  date_num: (d) => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`,
  date_slash: (d) => d.toLocaleDateString("en-US", { year: "numeric", month: "2-digit", day: "2-digit" }),
  date: (d) => onDay(d, { month: "long", day: "numeric" }),
  date_short: (d) => onDay(d, { month: "short", day: "numeric" }),
  date_long: (d) => onDay(d, { weekday: "long", month: "long", day: "numeric" }),
  date_pretty: (d) => nearDay(d) || dateForms.date(d),
  date_short_pretty: (d) => nearDay(d) || dateForms.date_short(d),
  date_long_pretty: (d) => nearDay(d) || dateForms.date_long(d),
  time: (d) => clock(d, false),
  time_secs: (d) => clock(d, true),
  ago: (d) => `${Math.max(0, Math.round((Date.now() - d) / 60000))} minutes ago`,
};

function dated(seconds, format, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return fallback || "";
  const text = format.replace(/\{(\w+)\}/g, (whole, form) => (dateForms[form] ? dateForms[form](date) : whole));
  return el("time", { datetime: date.toISOString(), title: date.toLocaleString() }, text);
}

const personName = (id) => now().names.users[id] || id;

function mention(text, loud) {
  return el("span", { class: loud ? "mention me" : "mention" }, text);
}

const userMention = (id) => mention("@" + personName(id), id === me);

// safe is an address that a link may lead to.
function safe(url) {
  try {
    return ["http:", "https:", "mailto:"].includes(new URL(url).protocol) ? url : "";
  } catch {
    return "";
  }
}

// link leads to a message of this workspace here, to anything else in a new tab.
function link(url, text) {
  const href = safe(url);
  if (!href) return el("span", {}, text || url);
  const here = href.startsWith(now().workspace + "/archives/") && /\/archives\/(\w+)\/p(\d+)(\d{6})(?:\?thread_ts=([\d.]+))?/.exec(href);
  return el("a", {
    href, target: "_blank", rel: "noopener noreferrer", "data-focus": href,
    onclick: (event) => {
      if (!here) return;
      event.preventDefault();
      goTo(here[1], `${here[2]}.${here[3]}`, here[4]);
    },
  }, text || url);
}

const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// special renders what stands between < and > in mrkdwn.
function special(inside) {
  const bar = inside.indexOf("|");
  const what = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? "" : unescaped(inside.slice(bar + 1));
  if (what.startsWith("!date^")) {
    const [, seconds, format] = what.split("^");
    return dated(seconds, format || "", label);
  }
  if (what.startsWith("!subteam^")) return mention("@" + (now().names.groups[what.slice(9)] || label.replace(/^@/, "") || what.slice(9)), false);
  if (what.startsWith("!")) return mention("@" + what.slice(1), true);
  if (what.startsWith("@")) return userMention(what.slice(1));
  if (what.startsWith("#")) return mention("#" + (now().names.channels[what.slice(1)] || label || "private channel"), false);
  return link(unescaped(what), label);
}

// mrkdwn renders Slack's markup. plainMarks leaves * _ ~ ` as they are.
function mrkdwn(text, plainMarks) {
  const out = [];
  const styles = { "*": "strong", _: "em", "~": "s", "`": "code" };
  const form = plainMarks
    ? /<([^<>\n]+)>/g
    : /<([^<>\n]+)>|```([^]+?)```|(?<![\p{L}\p{N}])([*_~`])(?=\S)([^\n]*?\S)\3(?![\p{L}\p{N}])/gu;
  let from = 0;
  for (const found of text.matchAll(form)) {
    out.push(unescaped(text.slice(from, found.index)));
    from = found.index + found[0].length;
    if (found[1] !== undefined) out.push(special(found[1]));
    else if (found[2] !== undefined) out.push(el("pre", {}, mrkdwn(found[2], true)));
    else out.push(el(styles[found[3]], {}, mrkdwn(found[4], found[3] === "`")));
  }
  out.push(unescaped(text.slice(from)));
  return out;
}

// paragraphs renders mrkdwn with its quoted lines.
function paragraphs(text) {
  return text.split(/\n(?=&gt; ?)|(?<=^&gt;[^\n]*)\n/gm).map((part) =>
    part.startsWith("&gt;") ? el("blockquote", {}, mrkdwn(part.replace(/^&gt; ?/, ""))) : el("p", {}, mrkdwn(part)));
}

const textObject = (o) => (o.type === "mrkdwn" ? mrkdwn(o.text) : [o.text]);

// ---- Blocks

function richInline(e) {
  const names = now().names;
  let node;
  switch (e.type) {
    case "text": node = el("span", {}, e.text); break;
    case "user": node = userMention(e.user_id); break;
    case "usergroup": node = mention("@" + (names.groups[e.usergroup_id] || e.usergroup_id), false); break;
    case "channel": node = mention("#" + (names.channels[e.channel_id] || "private channel"), false); break;
    case "broadcast": node = mention("@" + e.range, true); break;
    case "link": node = link(e.url, e.text); break;
    case "date": node = dated(e.timestamp, e.format, e.fallback); break;
    case "emoji":
      node = e.unicode ? String.fromCodePoint(...e.unicode.split("-").map((hex) => parseInt(hex, 16))) : `:${e.name}:`;
      break;
    case "color": node = e.value; break;
    default: node = "";
  }
  const styles = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code", highlight: "mark" };
  for (const [style, tag] of Object.entries(styles)) if (e.style && e.style[style]) node = el(tag, {}, node);
  return node;
}

function richPart(e) {
  const inside = () => e.elements.map(richInline);
  switch (e.type) {
    case "rich_text_list":
      return el(e.style === "ordered" ? "ol" : "ul", { class: "indent" + Math.min(e.indent || 0, 8), start: e.offset ? e.offset + 1 : undefined },
        e.elements.map((item) => el("li", {}, item.elements.map(richInline))));
    case "rich_text_quote": return el("blockquote", {}, inside());
    case "rich_text_preformatted": return el("pre", {}, inside());
    default: return el("p", {}, inside());
  }
}

function button(e, press) {
  return el("button", {
    type: "button", class: "block " + (e.style || ""), "aria-label": e.accessibility_label, "data-focus": e.action_id,
    disabled: !press, onclick: press && (() => press(e)),
  }, e.text.text);
}

// element renders what may stand in actions, in a context or beside a section.
function element(e, press) {
  switch (e.type) {
    case "button": return button(e, press);
    case "image": return el("span", { class: "image" }, `[${e.alt_text}]`); // nothing is loaded from elsewhere
    case "users_select": return peopleList(e, true);
    default: return el("span", {}, textObject(e));
  }
}

function peopleList(e, disabled) {
  const list = el("select", { disabled, "data-focus": e.action_id },
    el("option", { value: "" }, e.placeholder ? e.placeholder.text : "Choose a person"),
    now().members.map((p) => el("option", { value: p.id }, `${p.name} (@${p.handle})`)));
  list.value = e.initial_user || "";
  return list;
}

function block(b, press) {
  switch (b.type) {
    case "rich_text": return el("div", { class: "rich" }, b.elements.map(richPart));
    case "header": return el("h3", {}, b.text.text);
    case "divider": return el("hr");
    case "context": return el("div", { class: "context" }, b.elements.map((e) => el("span", {}, element(e, press))));
    case "actions": return el("div", { class: "actions" }, b.elements.map((e) => element(e, press)));
    case "section": {
      const words = el("div", {},
        b.text ? (b.text.type === "mrkdwn" ? paragraphs(b.text.text) : el("p", {}, b.text.text)) : null,
        b.fields ? el("div", { class: "fields" }, b.fields.map((f) => el("p", {}, textObject(f)))) : null);
      return el("div", { class: "section" }, words, b.accessory ? element(b.accessory, press) : null);
    }
    default: return el("p", { class: "faint" }, `[a block of type ${b.type}]`);
  }
}

// ---- Messages

function avatar(m) {
  const letters = m.name.split(/\s+/).map((word) => word[0] || "").join("").slice(0, 2).toUpperCase();
  const hue = [...m.user].reduce((sum, c) => sum + c.codePointAt(0), 0) % 6;
  return el("span", { class: `avatar ${m.app ? "bot" : "hue" + hue}`, "aria-hidden": "true" }, letters);
}

function message(m, place, inThread) {
  const press = (e) => click(place, m, e, inThread ? threadOf[me].ts : "");
  const at = new Date(m.at);
  const hear = $("hear").checked && (m.app || m.text !== "") && !m.trouble;
  const content = m.blocks ? m.blocks.map((b) => block(b, press)) : m.plain ? [el("p", {}, unescaped(m.text))] : paragraphs(m.text);
  return el("article", { class: (m.ephemeral ? "message private" : "message") + (m.trouble ? " trouble" : ""), tabindex: "-1", "data-ts": m.ts },
    avatar(m),
    el("div", { class: "body" },
      m.ephemeral ? el("p", { class: "faint" }, "👁 Only visible to you") : null,
      m.thread && !inThread ? el("p", { class: "faint" }, "replied to a thread") : null,
      el("p", { class: "head" }, el("b", {}, m.name), m.app ? el("span", { class: "badge" }, "APP") : null, " ",
        el("time", { datetime: at.toISOString(), title: at.toLocaleString() }, clock(at, false))),
      el("div", { class: "content" }, content, m.edited ? el("span", { class: "faint" }, "(edited)") : null),
      hear ? el("div", { class: "hear" }, el("b", {}, "A screen reader and a notification say"), el("div", {}, m.text ? mrkdwn(m.text, true) : "nothing: there is no top-level text")) : null,
      !inThread && m.replies ? replies(m, place) : null));
}

function replies(m, place) {
  const last = m.replies.at(-1);
  const fresh = (read[`${me} ${place} ${m.ts}`] || "") < last.ts;
  return el("button", { type: "button", class: "replies", "data-focus": "replies", onclick: () => openThread(place, m.ts) },
    m.replies.length === 1 ? "1 reply" : `${m.replies.length} replies`,
    el("span", { class: "faint" }, ` ${fresh ? "new, " : ""}last at ${clock(new Date(last.at), false)}`));
}

const item = (m, place, inThread) => ({
  key: m.ts,
  of: [m, inThread || (m.replies && read[`${me} ${place} ${m.ts}`]), $("hear").checked, me, day(new Date())],
  make: () => message(m, place, inThread),
});

// withTroubles puts Slack's own lines among the messages of a place.
function withTroubles(messages, place, thread) {
  const mine = troubles.filter((t) => t.person === me && t.place === place && t.thread === (thread || "")).map((t) => t.line);
  return [...messages, ...mine].sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

// trouble shows a line that Slack itself writes to the person.
function trouble(person, place, thread, text) {
  const at = Date.now();
  const ts = `${Math.floor(at / 1000)}.${String(at % 1000).padStart(3, "0")}${String(100 + troubles.length % 900)}`;
  troubles.push({ person, place, thread: thread || "", line: { ts, at, user: "USLACKBOT", name: "Slack", text, plain: true, ephemeral: true, trouble: true } });
  draw();
}

// ---- The page

// unseen counts what a person has not read in a conversation: all of it, and
// what is meant for them, which is every direct message and every mention.
function unseen(state, c) {
  const last = read[`${state.me} ${c.id}`] || "";
  const fresh = c.messages.filter((m) => m.ts > last && m.user !== state.me);
  return { all: fresh.length, loud: fresh.filter((m) => c.direct || m.mine || m.ephemeral).length };
}

function markRead(key, messages) {
  const last = messages.reduce((latest, m) => (m.ts > latest ? m.ts : latest), read[key] || "");
  if (read[key] === last) return;
  read[key] = last;
  try {
    sessionStorage.setItem("read", JSON.stringify(read));
  } catch {
    // As above.
  }
}

const count = (n, what) => (n ? el("span", { class: "count" }, String(n), el("span", { class: "unseen" }, what)) : null);

function draw() {
  const state = now();
  if (!state) return;
  if (!channel()) channelOf[me] = (state.channels.find((c) => c.id === state.first) || state.channels[0]).id;
  const c = channel();
  if (document.visibilityState === "visible") {
    markRead(`${me} ${c.id}`, c.messages);
    const { parent } = openedThread(state);
    if (parent) markRead(`${me} ${threadOf[me].channel} ${parent.ts}`, parent.replies || []);
  }

  document.title = state.title;
  $("title").textContent = state.title;
  $("intro").textContent = state.intro;
  $("intro").classList.toggle("started", state.started);
  patch($("people"), state.people.map((p) => {
    const theirs = states.get(p.id);
    const [first, ...rest] = p.name.split(" ");
    const waiting = theirs ? theirs.channels.reduce((sum, ch) => sum + unseen(theirs, ch).loud, 0) : 0;
    return {
      key: p.id, of: [p, waiting, p.id === me],
      make: () => el("button", { type: "button", "aria-pressed": String(p.id === me), "data-focus": p.id, onclick: () => become(p.id) },
        el("b", {}, first, rest.length ? el("span", { class: "rest" }, " " + rest.join(" ")) : null), p.role ? el("span", { class: "role" }, p.role) : null, count(p.id === me ? 0 : waiting, " unread")),
    };
  }));
  const heading = (text) => ({ key: text, of: text, make: () => el("h2", {}, text) });
  const entries = state.channels.map((ch) => {
    const { all, loud } = unseen(state, ch);
    const here = ch.id === c.id;
    return {
      key: ch.id, of: [ch.name, ch.private, here, all, loud],
      make: () => el("button", {
        type: "button", class: all ? "fresh" : "", "aria-current": here ? "page" : undefined, "data-focus": ch.id, onclick: () => enter(ch.id),
      }, el("span", { class: "sign", "aria-hidden": "true" }, sign(ch)), el("span", { class: "name" }, ch.name),
      all && !loud ? el("span", { class: "unseen" }, " unread") : null, count(loud, " unread")),
    };
  });
  entries.splice(-1, 0, heading("Direct messages")); // they come last
  patch($("channels"), [heading("Channels"), ...entries]);
  drawPlace(state, c);
  drawThread(state);
  drawSide(state);
  drawView(state);
}

const sign = (c) => (c.direct ? "●" : c.private ? "🔒" : "#");

function drawPlace(state, c) {
  $("place").textContent = c.direct ? `${c.name}: your direct messages` : (c.private ? "🔒 " : "# ") + c.name;
  $("present").textContent = c.direct ? "Only you and the bot read this." : "Here: " + c.members.map((id) => personName(id)).join(", ");
  const key = `${me} ${c.id}`;
  keepEnd($("messages"), key, () => {
    const items = withTroubles(c.messages, c.id).map((m) => item(m, c.id, false));
    if (state.steps.length && (c.id === state.first || !state.started)) {
      items.unshift({ key: "start", of: state.steps, make: () => el("div", { class: "start" }, el("h3", {}, "Start here"), el("ol", {}, state.steps.map((step) => el("li", {}, step)))) });
    } else if (!items.length) {
      items.unshift({ key: "nothing", of: c.id, make: () => el("p", { class: "nothing" }, c.direct ? "No messages yet. What the bot tells you alone will stand here." : `This is the very beginning of ${c.name}.`) });
    }
    patch($("messages"), items);
  });
  patch($("hints"), state.hints.map((hint) => ({
    key: hint, of: hint, make: () => el("button", { type: "button", "data-focus": hint, onclick: () => fill(hint) }, hint),
  })));
  const to = c.direct ? c.name : "#" + c.name;
  $("input").placeholder = `Message ${to}, or / for a command`;
  $("input-label").textContent = `Message to ${to} as ${personName(me)}`;
  if ($("input").dataset.draft !== key) {
    $("input").dataset.draft = key;
    $("input").value = drafts[key] || "";
    grow($("input"));
    suggest();
  }
}

// openedThread finds the conversation and the message of the open thread;
// parent is undefined when none is open or the message is gone.
function openedThread(state) {
  const open = threadOf[me];
  const place = open && state.channels.find((c) => c.id === open.channel);
  return { place, parent: place && place.messages.find((m) => m.ts === open.ts) };
}

function drawThread(state) {
  const open = threadOf[me];
  const { place, parent } = openedThread(state);
  const was = !$("thread").hidden;
  $("thread").hidden = !parent;
  document.body.classList.toggle("threaded", Boolean(parent));
  if (!parent) return;
  const answers = withTroubles(parent.replies || [], place.id, parent.ts);
  keepEnd($("replies"), was ? `${me} ${open.channel} ${open.ts}` : "", () => patch($("replies"), [
    item(parent, place.id, true),
    { key: "count", of: answers.length, make: () => el("p", { class: "rule" }, answers.length === 1 ? "1 reply" : `${answers.length} replies`) },
    ...answers.map((m) => item(m, place.id, true)),
  ]));
}

const kinds = { read: "read", write: "write", "sign-in": "signin", error: "error" };

function drawSide(state) {
  $("side").hidden = !state.side;
  $("side-open").hidden = !state.side;
  if (!state.side) return;
  const { title, entries } = state.side;
  $("side-title").textContent = title;
  $("side-open").textContent = `${title} (${entries.length})`;
  keepEnd($("entries"), "side", () => patch($("entries"), entries.length ? entries.map((e, i) => ({
    key: String(i), of: e,
    make: () => el("li", { class: kinds[e.kind] || "" },
      el("p", {}, el("span", { class: "kind" }, e.kind), " ", el("time", { datetime: new Date(e.at).toISOString() }, clock(new Date(e.at), true))),
      el("p", { class: "entry" }, e.title), e.detail ? el("pre", {}, e.detail) : null),
  })) : [{ key: "none", of: 0, make: () => el("li", { class: "faint" }, "Nothing yet.") }]));
}

// ---- Going about

function become(person) {
  me = person;
  history.replaceState(null, "", "#" + encodeURIComponent(me));
  closeConfirm();
  draw();
  announce(`You are now ${personName(me)}, in ${$("place").textContent}.`);
}

function announce(text) {
  $("said").textContent = text;
}

function enter(id) {
  channelOf[me] = id;
  draw();
}

function openThread(place, ts) {
  threadOf[me] = { channel: place, ts };
  document.body.classList.remove("sided");
  draw();
  $("thread-title").focus();
}

function closeThread() {
  const open = threadOf[me];
  delete threadOf[me];
  draw();
  const from = open && [...$("messages").children].find((n) => n.dataset.ts === open.ts);
  if (from) (from.querySelector(".replies") || from).focus();
}

function goTo(id, ts, thread) {
  if (!now().channels.some((c) => c.id === id)) {
    trouble(me, channelOf[me], "", "That message is in a conversation that you are not in.");
    return;
  }
  enter(id);
  if (thread && thread !== ts) openThread(id, thread);
  const found = document.querySelector(`[data-ts="${ts}"]`);
  if (!found) return;
  found.scrollIntoView({ block: "center" });
  found.focus();
}

// ---- Acting

// send does an act. It answers {saw} or {problem}.
async function send(path, act) {
  try {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Page": "1" }, body: JSON.stringify(act) });
    if (response.ok || response.status === 409) return await response.json();
    return { problem: (await response.text()).trim() };
  } catch {
    return { problem: "The program did not answer. It may have ended." };
  }
}

async function type(line, thread) {
  const person = me;
  const place = thread ? threadOf[me].channel : channelOf[me];
  const text = line.trim();
  if (text === "") return;
  if (!text.startsWith("/")) {
    const { problem } = await send("say", { as: person, channel: place, thread: thread || "", text });
    if (problem) trouble(person, place, thread, problem);
    return;
  }
  const command = text.split(/\s/)[0];
  if (thread) {
    trouble(person, place, thread, `${command} is not supported in threads. Type it into the conversation.`);
    return;
  }
  const { saw, problem } = await send("command", { as: person, channel: place, text });
  if (problem) trouble(person, place, "", problem);
  else if (saw === "operation_timeout") trouble(person, place, "", `${command} failed because the app did not respond (operation_timeout). Try it again.`);
  else if (saw) trouble(person, place, "", `${command} failed with the error “${saw}”.`);
}

async function click(place, m, e, thread) {
  const person = me;
  if (e.confirm && !(await confirmed(e.confirm))) return;
  if (e.url && safe(e.url)) window.open(e.url, "_blank", "noopener");
  const { saw, problem } = await send("click", { as: person, channel: place, ts: m.ts, action: e.action_id });
  if (problem) trouble(person, place, thread, `“${e.text.text}” could not be pressed: ${problem}.`);
  else if (saw) trouble(person, place, thread, `“${e.text.text}”: the app did not respond (${saw}). Try it again.`);
}

let answerConfirm = null;

// confirmed shows the dialog that Slack puts before a click.
function confirmed(c) {
  $("confirm-title").textContent = c.title.text;
  $("confirm-text").replaceChildren(...textObject(c.text));
  $("confirm-no").textContent = c.deny.text;
  $("confirm-yes").textContent = c.confirm.text;
  $("confirm-yes").className = c.style || "primary";
  $("confirm").showModal();
  $("confirm-no").focus();
  return new Promise((resolve) => {
    answerConfirm = resolve;
  });
}

function closeConfirm(yes) {
  if ($("confirm").open) $("confirm").close();
  if (answerConfirm) answerConfirm(Boolean(yes));
  answerConfirm = null;
}

// ---- Modals

let viewShown = ""; // person, ID and hash of the view in the dialog

function drawView(state) {
  const view = state.views.at(-1);
  const key = view ? `${me} ${view.id} ${view.hash}` : "";
  if (key !== viewShown) {
    const replaced = view && viewShown.startsWith(`${me} ${view.id} `);
    viewShown = key;
    $("view-trouble").textContent = "";
    if (!view) {
      $("view").close();
      return;
    }
    $("view-title").textContent = view.title;
    $("view-close").textContent = view.close || "Cancel";
    $("view-submit").textContent = view.submit;
    $("view-submit").hidden = !view.submit;
    $("view-blocks").replaceChildren(...view.blocks.map((b) => (b.type === "input" ? input(b) : block(b, null))));
    if (!$("view").open) $("view").showModal();
    ($("view-blocks").querySelector("select, input, textarea") || $("view-close")).focus();
    // A view that takes the place of another is read aloud: it says what became of the form.
    $("view-news").textContent = replaced ? [...$("view-blocks").querySelectorAll(".rich")].map((b) => b.textContent).join(" ") : "";
  }
  if (view) showErrors(view.errors || {}, false);
}

// input renders an input block.
function input(b) {
  const e = b.element;
  const id = "field-" + b.block_id;
  const field = e.type === "users_select" ? peopleList(e, false)
    : el(e.multiline ? "textarea" : "input", { type: e.multiline ? undefined : "text", rows: e.multiline ? "3" : undefined, placeholder: e.placeholder && e.placeholder.text, autocomplete: "off" });
  if (e.initial_value) field.value = e.initial_value;
  field.id = id;
  field.dataset.block = b.block_id;
  field.dataset.action = e.action_id;
  field.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
  if (!b.optional) field.setAttribute("aria-required", "true");
  field.addEventListener("keydown", (event) => {
    // As in Slack, Enter in a field does not send the form by accident.
    if (event.key === "Enter" && field.tagName === "INPUT" && !event.isComposing) event.preventDefault();
  });
  return el("div", { class: "field" },
    el("label", { for: id }, b.label.text, b.optional ? el("span", { class: "faint" }, " (optional)") : null),
    field,
    el("p", { id: id + "-hint", class: "faint" }, b.hint ? b.hint.text : ""),
    el("p", { id: id + "-wrong", class: "wrong" }));
}

const fields = () => [...$("view-blocks").querySelectorAll("[data-block]")];

function showErrors(errors, focus) {
  for (const field of fields()) {
    const text = errors[field.dataset.block] || "";
    const line = $(field.id + "-wrong");
    if (line.textContent !== text) line.textContent = text;
    field.setAttribute("aria-invalid", String(text !== ""));
  }
  const first = fields().find((field) => errors[field.dataset.block]);
  if (focus && first) first.focus();
}

async function submitView() {
  const person = me;
  const view = now().views.at(-1);
  if (!view) return;
  const values = {};
  const errors = {};
  for (const field of fields()) {
    const b = view.blocks.find((other) => other.block_id === field.dataset.block);
    const length = [...field.value].length;
    values[b.block_id] = { [b.element.action_id]: field.value };
    if (!length && !b.optional) errors[b.block_id] = "Please complete this required field.";
    else if (length && b.element.min_length > length) errors[b.block_id] = `Please enter at least ${b.element.min_length} characters.`;
    else if (b.element.max_length && length > b.element.max_length) errors[b.block_id] = `Please shorten this to ${b.element.max_length} characters; it has ${length}.`;
  }
  showErrors(errors, true);
  if (Object.keys(errors).length) return;
  $("view-submit").disabled = true;
  const { saw, problem } = await send("submit", { as: person, view: view.id, values });
  $("view-submit").disabled = false;
  if (problem) $("view-trouble").textContent = problem;
  else if (saw) $("view-trouble").textContent = `We had some trouble connecting (${saw}). Try again?`;
  else $("view-trouble").textContent = "";
  await refresh();
  if (viewShown && now().views.length) showErrors(now().views.at(-1).errors || {}, true);
}

function closeView() {
  const view = now().views.at(-1);
  if (view) send("close", { as: me, view: view.id });
}

// ---- The input

function grow(area) {
  area.rows = Math.min(6, area.value.split("\n").length);
}

function fill(text) {
  $("input").value = text;
  edited();
  $("input").focus();
}

function edited() {
  drafts[`${me} ${channelOf[me]}`] = $("input").value;
  grow($("input"));
  suggest();
}

// suggest offers the command while a / is typed, and people while an @ is.
function suggest() {
  const text = $("input").value;
  const state = now();
  const word = /(^|\s)@([\w.-]*)$/.exec(text);
  let offers = [];
  if (/^\/\S*$/.test(text) && state.command.startsWith(text) && text !== state.command) {
    offers = [{ text: state.command, put: state.command + " " }];
  } else if (word) {
    const typed = word[2].toLowerCase();
    offers = state.members.filter((p) => p.handle.toLowerCase().startsWith(typed) || p.name.toLowerCase().startsWith(typed)).slice(0, 6)
      .map((p) => ({ text: `${p.name} (@${p.handle})`, put: text.slice(0, text.length - word[2].length) + p.handle + " " }));
  }
  $("suggestions").hidden = !offers.length;
  patch($("suggestions"), offers.map((o, i) => ({
    key: o.put, of: [o, i],
    make: () => el("button", { type: "button", onclick: () => fill(o.put) }, o.text, i === 0 ? el("kbd", {}, "Tab") : null),
  })));
}

function onEnter(area, form) {
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  area.addEventListener("input", () => grow(area));
}

onEnter($("input"), $("compose"));
onEnter($("reply-input"), $("reply"));
$("input").addEventListener("input", edited);
$("input").addEventListener("keydown", (event) => {
  const first = $("suggestions").querySelector("button");
  if (event.key === "Tab" && !event.shiftKey && first) {
    event.preventDefault();
    first.click();
  } else if (event.key === "Escape") {
    $("suggestions").replaceChildren();
    $("suggestions").hidden = true;
  }
});
$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const line = $("input").value;
  fill("");
  type(line);
});
$("reply").addEventListener("submit", (event) => {
  event.preventDefault();
  const line = $("reply-input").value;
  $("reply-input").value = "";
  grow($("reply-input"));
  type(line, threadOf[me].ts);
});
$("thread-close").addEventListener("click", closeThread);
$("thread").addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeThread();
});
$("side-open").addEventListener("click", () => {
  document.body.classList.toggle("sided");
  $("entries").dataset.shows = ""; // it had no height while it was away
  draw();
  if (document.body.classList.contains("sided")) $("side-close").focus();
});
$("side-close").addEventListener("click", () => {
  document.body.classList.remove("sided");
  $("side-open").focus();
});
$("hear").addEventListener("change", draw);
$("confirm-yes").addEventListener("click", () => closeConfirm(true));
$("confirm-no").addEventListener("click", () => closeConfirm(false));
$("confirm").addEventListener("close", () => closeConfirm(false));
$("view-close").addEventListener("click", closeView);
$("view-form").addEventListener("submit", (event) => {
  event.preventDefault();
  submitView();
});
$("view").addEventListener("cancel", (event) => {
  event.preventDefault(); // it goes when the workspace says so
  closeView();
});
document.addEventListener("visibilitychange", draw);
window.addEventListener("hashchange", () => {
  const asked = decodeURIComponent(location.hash.slice(1));
  if (states.has(asked) && asked !== me) become(asked);
});

// ---- Reading the state

async function get(person) {
  const response = await fetch("state" + (person ? "?as=" + encodeURIComponent(person) : ""));
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

let reading = null;
let stale = false;

// refresh reads what everybody sees, once more if something changed meanwhile.
function refresh() {
  stale = true;
  reading ||= (async () => {
    while (stale) {
      stale = false;
      try {
        const first = await get("");
        const others = await Promise.all(first.people.filter((p) => p.id !== first.me).map((p) => get(p.id)));
        for (const state of [first, ...others]) states.set(state.me, state);
        if (!states.has(me)) me = first.me;
      } catch {
        $("lost").hidden = false; // the stream of events comes back, and with it the next try
        return;
      }
      draw();
    }
  })().finally(() => {
    reading = null;
  });
  return reading;
}

const events = new EventSource("events");
events.onmessage = () => {
  $("lost").hidden = true;
  refresh();
};
events.onerror = () => {
  $("lost").hidden = false;
};
