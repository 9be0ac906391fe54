// The menu of what can be done here.

import { $, el } from "./dom.js";

let opened = null; // what had the focus before

// openMenu offers items, [{text, note, do}], under a title.
export function openMenu(title, items) {
  opened = document.activeElement;
  $("menu-title").textContent = title;
  $("menu-items").replaceChildren(...items.map((item) => el("li", {}, el("button", { type: "button", onclick: () => choose(item) },
    el("b", {}, item.text), item.note ? el("span", { class: "faint" }, item.note) : null))));
  $("menu").showModal();
  $("menu-items").querySelector("button").focus();
}

function choose(item) {
  closeMenu();
  item.do();
}

export function closeMenu() {
  if ($("menu").open) $("menu").close();
}

$("menu-close").addEventListener("click", closeMenu);
$("menu").addEventListener("close", () => {
  if (opened && opened.isConnected) opened.focus();
  opened = null;
});
$("menu").addEventListener("click", (event) => {
  if (event.target === $("menu")) closeMenu(); // the space around it
});
