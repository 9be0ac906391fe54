// Modals.

import { $, el, own, words } from "./dom.js";
import { block, peopleList } from "./blocks.js";
import { now, view } from "./memory.js";
import { refresh } from "./main.js";
import { noAnswer, send } from "./acts.js";

let shown = ""; // person, ID and hash of the view in the dialog

export function drawView(state) {
  const open = state.views.at(-1);
  const key = open ? `${view.me} ${open.id} ${open.hash}` : "";
  if (key !== shown) {
    const replaced = open && shown.startsWith(`${view.me} ${open.id} `);
    shown = key;
    $("view-trouble").textContent = "";
    if (!open) {
      $("view").close();
      return;
    }
    $("view-title").replaceChildren(...words(open.title));
    $("view-close").textContent = open.close || "Cancel";
    $("view-submit").textContent = open.submit;
    $("view-submit").hidden = !open.submit;
    $("view-blocks").replaceChildren(...open.blocks.map((b) => (b.type === "input" ? input(b) : block(b, null))));
    if (!$("view").open) $("view").showModal();
    $("view").scrollTop = 0;
    ($("view-blocks").querySelector("select, input, textarea") || $("view-close")).focus();
    // A view that takes the place of another is read aloud: it says what became of the form.
    $("view-news").textContent = replaced ? [...$("view-blocks").querySelectorAll(".rich")].map((b) => b.textContent).join(" ") : "";
  }
  if (open) showErrors(open.errors || {}, false);
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
    const text = own(errors, field.dataset.block) || "";
    const line = $(field.id + "-wrong");
    if (line.textContent !== text) line.textContent = text;
    field.setAttribute("aria-invalid", String(text !== ""));
  }
  const first = fields().find((field) => own(errors, field.dataset.block));
  if (focus && first) first.focus();
}

async function submitView() {
  const person = view.me;
  const open = now().views.at(-1);
  if (!open) return;
  const values = {};
  const errors = {};
  for (const field of fields()) {
    const b = open.blocks.find((other) => other.block_id === field.dataset.block);
    const length = [...field.value].length;
    values[b.block_id] = { [b.element.action_id]: field.value };
    if (!length && !b.optional) errors[b.block_id] = "Please complete this required field.";
    else if (length && b.element.min_length > length) errors[b.block_id] = `Please enter at least ${b.element.min_length} characters.`;
    else if (b.element.max_length && length > b.element.max_length) errors[b.block_id] = `Please shorten this to ${b.element.max_length} characters; it has ${length}.`;
  }
  showErrors(errors, true);
  if (Object.keys(errors).length) return;
  $("view-submit").disabled = true;
  const { saw, problem, lost } = await send("submit", { as: person, view: open.id, values });
  $("view-submit").disabled = false;
  if (lost) $("view-trouble").textContent = `${noAnswer}.`;
  else if (problem) $("view-trouble").textContent = `${problem}.`;
  else if (saw) $("view-trouble").textContent = `We had some trouble connecting (${saw}). Try again?`;
  else $("view-trouble").textContent = "";
  await refresh();
  if (shown && now().views.length) showErrors(now().views.at(-1).errors || {}, true);
}

async function closeView() {
  const open = now().views.at(-1);
  if (!open) return;
  const { problem, lost } = await send("close", { as: view.me, view: open.id });
  if (problem || lost) $("view-trouble").textContent = `${problem || noAnswer}.`;
}

$("view-close").addEventListener("click", closeView);
$("view-form").addEventListener("submit", (event) => {
  event.preventDefault();
  submitView();
});
$("view").addEventListener("cancel", (event) => {
  event.preventDefault(); // it goes when the workspace says so
  closeView();
});
