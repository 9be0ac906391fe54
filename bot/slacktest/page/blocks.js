// Block Kit, drawn.

import { el, own, words } from "./dom.js";
import { now } from "./memory.js";
import { dated, link, mention, paragraphs, textObject, userMention } from "./text.js";

function richInline(e) {
  const { names } = now();
  let node;
  switch (e.type) {
    case "text": node = el("span", {}, words(e.text)); break;
    case "user": node = userMention(e.user_id); break;
    case "usergroup": node = mention("@" + (own(names.groups, e.usergroup_id) || e.usergroup_id), false); break;
    case "channel": node = mention("#" + (own(names.channels, e.channel_id) || "private channel"), false); break;
    case "broadcast": node = mention("@" + e.range, true); break;
    case "link": node = link(e.url, e.text); break;
    case "date": node = dated(e.timestamp, e.format, e.fallback); break;
    case "emoji":
      node = el("span", {}, e.unicode ? words(String.fromCodePoint(...e.unicode.split("-").map((hex) => parseInt(hex, 16)))) : `:${e.name}:`);
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
    type: "button", class: "block " + (e.style || ""), "aria-label": e.accessibility_label, "data-action": e.action_id, "data-focus": `${e.action_id} ${e.value || ""}`,
    disabled: !press, onclick: press && (() => press(e)),
  }, words(e.text.text));
}

// element renders what may be in actions, in a context or beside a section.
function element(e, press) {
  switch (e.type) {
    case "button": return button(e, press);
    case "image": return el("span", { class: "image" }, `[${e.alt_text}]`); // nothing is loaded from elsewhere
    case "users_select": return peopleList(e, true);
    default: return el("span", {}, textObject(e));
  }
}

// peopleList is a list to pick a person from.
export function peopleList(e, disabled) {
  const list = el("select", { disabled, "data-focus": e.action_id },
    el("option", { value: "" }, e.placeholder ? e.placeholder.text : "Choose a person"),
    now().members.map((p) => el("option", { value: p.id }, `${p.name} (@${p.handle})`)));
  list.value = e.initial_user || "";
  return list;
}

// block draws one. press gets the button that was pressed; without it none can be.
export function block(b, press) {
  switch (b.type) {
    case "rich_text": return el("div", { class: "rich" }, b.elements.map(richPart));
    case "header": return el("h3", {}, words(b.text.text));
    case "divider": return el("hr");
    case "context": return el("div", { class: "context" }, b.elements.map((e) => el("span", {}, element(e, press))));
    case "actions": return el("div", { class: "actions" }, b.elements.map((e) => element(e, press)));
    case "section": {
      const text = el("div", {},
        b.text ? (b.text.type === "mrkdwn" ? paragraphs(b.text.text) : el("p", {}, words(b.text.text))) : null,
        b.fields ? el("div", { class: "fields" }, b.fields.map((f) => el("p", {}, textObject(f)))) : null);
      return el("div", { class: "section" }, text, b.accessory ? element(b.accessory, press) : null);
    }
    default: return el("p", { class: "faint" }, `[a block of type ${b.type}]`);
  }
}
