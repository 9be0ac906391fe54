// What the test needs of the page: what a person sees there, and where to press.
// It is put into each document before the page's own script.
"use strict";

globalThis.eyes = (() => {
  const words = (node) => (node.matches("input, textarea, select") ? node.value : node.innerText).replace(/\s+/g, " ").trim();

  // named is an element as a reader of a failed test knows it.
  const named = (node) => node.tagName.toLowerCase() + (node.id && "#" + node.id) + [...node.classList].map((c) => "." + c).join("")
    + (node.innerText ? ` “${words(node).slice(0, 60)}”` : "");

  // visible tells whether it is drawn at all. It may lie outside of what is scrolled to, and
  // may be seen only where the mouse is.
  function visible(node) {
    const box = node.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && node.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  }

  // all are the visible elements; with a message, those in a message with these words.
  const all = (selector, message) => [...document.querySelectorAll(selector)].filter((node) =>
    visible(node) && (!message || words(node.closest(".message") || node).includes(message)));

  // scroller is the box around an element that scrolls sideways by itself.
  function scroller(node) {
    for (let box = node.parentElement; box; box = box.parentElement) {
      if (box.scrollWidth > box.clientWidth && ["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return box;
    }
    return null;
  }

  return {
    // seen are the texts of all that is visible and matches.
    seen: (selector, message) => all(selector, message).map(words),

    // spot is where a person presses an element with exactly these words (or any, if
    // they are empty), in a message with those words, scrolled to; or the problem with that.
    spot(selector, text, message) {
      const found = all(selector, message).filter((node) => text === "" || words(node) === text || node.getAttribute("aria-label") === text);
      if (found.length !== 1) return { problem: found.length ? `there are ${found.length} of them` : "it is not there" };
      const [node] = found;
      if (node.matches(":disabled")) return { problem: "it is disabled" };
      node.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
      const box = node.getBoundingClientRect();
      const x = box.left + box.width / 2;
      const y = box.top + box.height / 2;
      const top = document.elementFromPoint(x, y);
      if (!top) return { problem: `it is not on the screen: ${Math.round(x)}, ${Math.round(y)}` };
      if (!node.contains(top)) return { problem: `${named(top)} covers it` };
      return { x, y };
    },

    // choose does what a person does in the list of a select, which is no part of the page.
    choose(selector, value) {
      const [node] = all(selector);
      if (!node || node.disabled) return "it is not there";
      node.focus();
      node.value = value;
      if (node.value !== value) return `it has no ${value}`;
      for (const kind of ["input", "change"]) node.dispatchEvent(new Event(kind, { bubbles: true }));
      return "";
    },

    // beyond lists what reaches beyond a screen of this width, also in a box that scrolls
    // sideways by itself.
    beyond(width) {
      const page = document.documentElement.scrollWidth;
      const found = new Set(page > width ? [`the page scrolls sideways: it has ${page} px`] : []);
      for (const node of document.body.querySelectorAll("*")) {
        if (!visible(node)) continue;
        const { left, right } = node.getBoundingClientRect();
        // What is wholly to the left is for screen readers, or comes when it has the focus.
        if (right <= 0 || (left >= -0.5 && right <= width + 0.5)) continue;
        const box = scroller(node);
        found.add(box ? `${named(box)} scrolls sideways` : `${named(node)}: from ${Math.round(left)} to ${Math.round(right)} px`);
      }
      return [...found];
    },

    // outside says how much of an element is not to be seen in its pane as it is scrolled
    // now, or nothing.
    outside(selector, message, pane) {
      const found = all(selector, message);
      if (found.length !== 1) return `there are ${found.length} of ${selector}`;
      const box = found[0].getBoundingClientRect();
      const around = document.querySelector(pane).getBoundingClientRect();
      const top = Math.max(around.top, 0) - box.top;
      const bottom = box.bottom - Math.min(around.bottom, innerHeight);
      return top > 0.5 || bottom > 0.5 ? `${Math.round(Math.max(top, 0))} px are above and ${Math.round(Math.max(bottom, 0))} px below, of ${Math.round(box.height)} px in ${Math.round(around.height)} px` : "";
    },

    // focused is the element that has the focus.
    focused: () => (document.activeElement ? document.activeElement.id || named(document.activeElement) : ""),

    // wrong runs axe, all of its rules or only some.
    async wrong(rules) {
      const options = { resultTypes: ["violations"], ...(rules ? { runOnly: { type: "rule", values: rules } } : {}) };
      const { violations } = await axe.run(document, options);
      return violations.map(({ id, impact, help, nodes }) => `${id} (${impact}): ${help}\n` + nodes.slice(0, 3).map((node) =>
        `    ${node.target.join(" ")}\n        ${node.failureSummary.replaceAll("\n", "\n        ")}\n`).join("") + (nodes.length > 3 ? `    and ${nodes.length - 3} more` : ""));
    },
  };
})();
