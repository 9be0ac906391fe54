// The dialog that Slack puts before a click.

import { $, words } from "./dom.js";
import { textObject } from "./text.js";

let answer = null;

// confirmed shows it, and answers whether the person said yes.
export function confirmed(c) {
  $("confirm-title").replaceChildren(...words(c.title.text));
  $("confirm-text").replaceChildren(...textObject(c.text));
  $("confirm-no").textContent = c.deny.text;
  $("confirm-yes").textContent = c.confirm.text;
  $("confirm-yes").className = c.style || "primary";
  $("confirm").showModal();
  $("confirm-no").focus();
  return new Promise((resolve) => {
    answer = resolve;
  });
}

export function closeConfirm(yes) {
  if ($("confirm").open) $("confirm").close();
  if (answer) answer(Boolean(yes));
  answer = null;
}

$("confirm-yes").addEventListener("click", () => closeConfirm(true));
$("confirm-no").addEventListener("click", () => closeConfirm(false));
$("confirm").addEventListener("close", () => closeConfirm(false));
