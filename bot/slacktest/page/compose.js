// The boxes to type into.

import { $, el, icon, patch } from "./dom.js";
import { draft, now, setDraft, view } from "./memory.js";
import { openMenu } from "./menu.js";
import { runShortcut, type } from "./acts.js";

let offers = []; // what is suggested, [{text, put}]
let chosen = 0; // of them

const boxKey = () => `${view.me} ${view.channelOf[view.me]}`;

function threadKey() {
  const open = view.threadOf[view.me];
  return open ? `${view.me} ${open.channel} ${open.ts}` : "";
}

// grow makes a box as high as its text, up to six lines.
function grow(area) {
  area.style.height = "auto";
  if (area.scrollHeight) area.style.height = `${area.scrollHeight}px`;
}

// show puts a box's own draft into it, where it holds another.
function show(area, key) {
  if (area.dataset.draft === undefined && area.value) setDraft(key, area.value); // typed before the page had heard anything
  if (area.dataset.draft === key && area.value === draft(key)) return false;
  area.dataset.draft = key;
  area.value = draft(key);
  grow(area);
  return true;
}

// drawCompose shows the boxes of what is open.
export function drawCompose(readOnly, placeholder, label) {
  $("compose").hidden = readOnly;
  $("hints").hidden = readOnly;
  $("read-only").hidden = !readOnly;
  $("input").placeholder = placeholder;
  $("input-label").textContent = label;
  if (show($("input"), boxKey())) suggest();
  show($("reply-input"), threadKey());
  $("reply").hidden = readOnly;
  patch($("hints"), now().hints.map((hint) => ({
    key: hint, of: hint, make: () => el("button", { type: "button", "data-focus": hint, onclick: () => fill(hint) }, hint),
  })));
}

// fill puts a text into the message box.
export function fill(text) {
  $("input").value = text;
  edited();
  $("input").focus();
}

function edited() {
  if (now()) setDraft(boxKey(), $("input").value);
  grow($("input"));
  suggest();
}

// suggest offers commands while a / is typed, and people while an @ is.
function suggest() {
  const text = $("input").value;
  const state = now();
  if (!state) return; // the page has not heard anything yet
  const word = /(^|\s)@([\w.-]*)$/.exec(text);
  offers = [];
  if (/^\/\S*$/.test(text) && state.command.startsWith(text) && text !== state.command) {
    offers = [state.command + " ", ...state.hints.filter((hint) => hint !== state.command)].map((put) => ({ text: put.trim(), put }));
  } else if (word) {
    const typed = word[2].toLowerCase();
    offers = state.members.filter((p) => p.handle.toLowerCase().startsWith(typed) || p.name.toLowerCase().startsWith(typed)).slice(0, 6)
      .map((p) => ({ text: `${p.name} (@${p.handle})`, put: text.slice(0, text.length - word[2].length) + p.handle + " " }));
  }
  chosen = 0;
  drawOffers();
}

function drawOffers() {
  $("suggestions").hidden = !offers.length;
  patch($("suggestions"), offers.map((o, i) => ({
    key: String(i), of: [o, i === chosen],
    make: () => el("div", {
      role: "option", id: `suggestion-${i}`, "aria-selected": String(i === chosen),
      onmousedown: (event) => event.preventDefault(), // the box keeps the focus
      onclick: () => fill(o.put),
    }, o.text, i === chosen ? el("kbd", {}, "Enter") : null),
  })));
  if (offers.length) $("input").setAttribute("aria-activedescendant", `suggestion-${chosen}`);
  else $("input").removeAttribute("aria-activedescendant");
  const option = $("suggestions").children[chosen];
  if (option) option.scrollIntoView({ block: "nearest" });
}

function dropOffers() {
  offers = [];
  drawOffers();
}

// pick answers whether a key was meant for the suggestions.
function pick(event) {
  if (!offers.length || event.isComposing || event.shiftKey) return false;
  switch (event.key) {
    case "ArrowDown": chosen = (chosen + 1) % offers.length; drawOffers(); break;
    case "ArrowUp": chosen = (chosen + offers.length - 1) % offers.length; drawOffers(); break;
    case "Enter":
    case "Tab": fill(offers[chosen].put); break;
    case "Escape": dropOffers(); break;
    default: return false;
  }
  event.preventDefault();
  return true;
}

function onEnter(event, form) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
}

$("input").addEventListener("keydown", (event) => {
  if (!pick(event)) onEnter(event, $("compose"));
});
$("input").addEventListener("input", edited);
$("input").addEventListener("blur", dropOffers);
$("reply-input").addEventListener("keydown", (event) => onEnter(event, $("reply")));
$("reply-input").addEventListener("input", () => {
  setDraft(threadKey(), $("reply-input").value);
  grow($("reply-input"));
});
$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!now()) return;
  const line = $("input").value;
  const key = boxKey();
  fill("");
  type(line, "", key);
});
$("reply").addEventListener("submit", (event) => {
  event.preventDefault();
  const line = $("reply-input").value;
  const key = threadKey();
  setDraft(key, "");
  show($("reply-input"), key);
  type(line, view.threadOf[view.me].ts, key);
});
window.addEventListener("resize", () => {
  grow($("input"));
  grow($("reply-input"));
});
$("shortcuts").append(icon("plus"));
$("shortcuts").addEventListener("click", () => {
  if (!now()) return;
  const { bot, hints, shortcuts } = now();
  openMenu("Shortcuts and commands", [
    ...shortcuts.map((s) => ({ text: s.name, note: bot.name, do: () => runShortcut(s, view.channelOf[view.me]) })),
    ...hints.map((hint) => ({ text: hint, note: "command", do: () => fill(hint) })),
  ]);
});
