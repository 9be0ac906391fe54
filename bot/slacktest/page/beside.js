// What is beside the workspace: the panel that changes the world around it, and the column
// that shows what another system saw.

import { $, el, keepEnd, own, patch } from "./dom.js";
import { noAnswer, send } from "./acts.js";
import { draw } from "./main.js";
import { clock } from "./text.js";

// ---- The panel

let busy = ""; // the control that is being carried out
let problem = ""; // of the last one, until the status changes
let status = "";

// pause is how long the controls rest at least, so that a double click acts once.
const pause = () => new Promise((resolve) => setTimeout(resolve, 700));

export function drawPanel(panel) {
  $("panel").hidden = !panel;
  $("panel-open").hidden = !panel;
  if (!panel) return;
  $("panel-title").textContent = panel.title;
  $("panel-open").textContent = panel.title;
  $("panel-open").setAttribute("aria-expanded", String(document.body.classList.contains("paneled")));
  if (status !== panel.status.join()) {
    if (!busy) problem = "";
    status = panel.status.join();
  }
  $("panel-problem").textContent = problem;
  patch($("panel-status"), panel.status.map((line) => ({ key: line, of: line, make: () => el("p", {}, line) })));
  patch($("controls"), panel.controls.map((c) => ({ key: c.id, of: [c, busy], make: () => control(c) })));
}

function control(c) {
  const id = "control-" + c.id;
  const of = { id, "data-focus": c.id, disabled: busy !== "", "aria-describedby": c.hint ? id + "-hint" : undefined };
  const hint = c.hint ? el("p", { id: id + "-hint", class: "faint" }, el("b", {}, c.label + ": "), c.hint) : null;
  if (c.options) {
    const list = el("select", { ...of, onchange: () => use(c, list.value) }, c.options.map((o) => el("option", { value: o.value }, o.label)));
    list.value = c.value;
    return el("div", { class: "control" }, el("label", { for: id }, c.label), list, hint);
  }
  if (c.switch) {
    const box = el("input", { ...of, type: "checkbox", onchange: () => use(c, box.checked ? "on" : "") });
    box.checked = c.value === "on";
    return el("div", { class: "control" }, el("label", {}, box, " " + c.label), hint);
  }
  return el("div", { class: "control press" }, el("button", { ...of, type: "button", onclick: () => use(c, "") }, c.label), hint);
}

async function use(c, value) {
  busy = c.id;
  problem = "";
  draw();
  const [answer] = await Promise.all([send("control", { control: c.id, value }), pause()]);
  busy = "";
  if (answer.lost) problem = `“${c.label}”: ${noAnswer}.`;
  else if (answer.problem) problem = `“${c.label}” failed: ${answer.problem}.`;
  draw();
  const again = $("control-" + c.id);
  if (again && document.activeElement === document.body) again.focus();
}

// toggle opens or closes the panel or the column; on a small screen one at a time.
function toggle(name, other) {
  document.body.classList.remove(other);
  document.body.classList.toggle(name);
  draw();
}

$("panel-open").addEventListener("click", () => {
  toggle("paneled", "sided");
  if (document.body.classList.contains("paneled")) $("panel-close").focus();
});
$("panel-close").addEventListener("click", () => {
  document.body.classList.remove("paneled");
  draw();
  $("panel-open").focus();
});

// ---- The column

const kinds = { read: "read", write: "write", "sign-in": "signin", error: "error" };
const unfolded = new Set(); // keys of folds and details that are open

export function drawSide(side) {
  $("side").hidden = !side;
  $("side-open").hidden = !side;
  if (!side) return;
  const open = document.body.classList.contains("sided");
  $("side-title").textContent = side.title;
  const writes = side.entries.filter((e) => e.kind === "write").length;
  $("side-open").textContent = side.title + (writes ? ` (${many(writes, "write")})` : "");
  $("side-open").setAttribute("aria-expanded", String(open));
  if (!open) return;
  const items = folded(side.entries).map((group) => ({ key: group.key, of: group.entries, make: () => (group.entries.length > 1 ? fold(group) : entry(group.entries[0])) }));
  keepEnd($("entries"), "side", () => patch($("entries"), items.length ? items : [{ key: "none", of: 0, make: () => el("li", { class: "faint" }, "Nothing yet.") }]));
}

// folded puts neighbours that change nothing into one group.
function folded(entries) {
  const groups = [];
  entries.forEach((e, i) => {
    const quiet = e.kind === "read" || e.kind === "sign-in";
    const last = groups.at(-1);
    const one = { ...e, key: String(i) };
    if (quiet && last && last.quiet) last.entries.push(one);
    else groups.push({ key: String(i), quiet, entries: [one] });
  });
  return groups;
}

// unfolds is a details element that stays open when it is drawn again.
function unfolds(key, attributes, ...children) {
  const node = el("details", { ...attributes, open: unfolded.has(key) }, ...children);
  node.addEventListener("toggle", () => {
    if (node.open) unfolded.add(key);
    else unfolded.delete(key);
  });
  return node;
}

const many = (n, what) => (n ? `${n} ${what}${n === 1 ? "" : "s"}` : "");

const time = (e) => el("time", { datetime: new Date(e.at).toISOString() }, clock(new Date(e.at), true));

function fold(group) {
  const reads = group.entries.filter((e) => e.kind === "read").length;
  const signIns = group.entries.length - reads;
  const text = [many(signIns, "bot sign-in"), many(reads, "read")].filter(Boolean).join(", ");
  return el("li", { class: "read" }, unfolds("fold " + group.key, { class: "fold" },
    el("summary", { "data-focus": "fold" + group.key }, text, " ", time(group.entries.at(-1))),
    el("ul", {}, group.entries.map(entry))));
}

function entry(e) {
  return el("li", { class: own(kinds, e.kind) || "" },
    el("p", {}, el("span", { class: "kind" }, e.kind), " ", time(e)),
    el("p", { class: "entry" }, e.title),
    e.detail
      ? unfolds("detail " + e.key, {}, el("summary", { "data-focus": "detail" + e.key }, e.result || "More"), el("pre", {}, e.detail))
      : el("p", {}, e.result));
}

$("side-open").addEventListener("click", () => {
  $("entries").dataset.shows = ""; // it had no height while it was away
  toggle("sided", "paneled");
  if (document.body.classList.contains("sided")) $("side-close").focus();
});
$("side-close").addEventListener("click", () => {
  document.body.classList.remove("sided");
  draw();
  $("side-open").focus();
});
if (matchMedia("(min-width: 87.5rem)").matches) document.body.classList.add("sided");
