// Slack's markup: mrkdwn, mentions, dates and links.

import { el, own, words } from "./dom.js";
import { now, personName, today, view } from "./memory.js";
import { goTo } from "./places.js";

export const clock = (date, seconds) =>
  date.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit", second: seconds ? "2-digit" : undefined });

export const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

// nearDay is today, yesterday or tomorrow, or nothing.
function nearDay(date) {
  const days = Math.round((day(date) - day(today())) / 86400000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

// onDay is a date in the reader's zone. The year is left out where it is plain.
function onDay(date, options) {
  const months = (date - today()) / 86400000 / 30.4;
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
  ago: (d) => minutesAgo(Math.max(0, Math.round((today() - d) / 60000))),
};

const minutesAgo = (n) => (n === 1 ? "1 minute ago" : `${n} minutes ago`);

export function dated(seconds, format, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return fallback || "";
  const text = format.replace(/\{(\w+)\}/g, (whole, form) => (own(dateForms, form) || (() => whole))(date));
  return el("time", { datetime: date.toISOString(), title: date.toLocaleString() }, text);
}

export function mention(text, loud) {
  return el("span", { class: loud ? "mention me" : "mention" }, text);
}

export const userMention = (id) => mention("@" + personName(id), id === view.me);

// safe is an address that a link may lead to.
export function safe(url) {
  try {
    return ["http:", "https:", "mailto:"].includes(new URL(url).protocol) ? url : "";
  } catch {
    return "";
  }
}

// link leads to a message of this workspace here, to anything else in a new tab.
export function link(url, text) {
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

export const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// special renders what is between < and > in mrkdwn.
function special(inside) {
  const bar = inside.indexOf("|");
  const what = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? "" : unescaped(inside.slice(bar + 1));
  const { names } = now();
  if (what.startsWith("!date^")) {
    const [, seconds, format] = what.split("^");
    return dated(seconds, format || "", label);
  }
  if (what.startsWith("!subteam^")) return mention("@" + (own(names.groups, what.slice(9)) || label.replace(/^@/, "") || what.slice(9)), false);
  if (what.startsWith("!")) return mention("@" + what.slice(1), true);
  if (what.startsWith("@")) return userMention(what.slice(1));
  if (what.startsWith("#")) return mention("#" + (own(names.channels, what.slice(1)) || label || "private channel"), false);
  return link(unescaped(what), label);
}

// mrkdwn renders Slack's markup. plainMarks leaves * _ ~ ` as they are.
export function mrkdwn(text, plainMarks) {
  const out = [];
  const styles = { "*": "strong", _: "em", "~": "s", "`": "code" };
  const form = plainMarks
    ? /<([^<>\n]+)>/g
    : /<([^<>\n]+)>|```([^]+?)```|(?<![\p{L}\p{N}])([*_~`])(?=\S)([^\n]*?\S)\3(?![\p{L}\p{N}])/gu;
  let from = 0;
  for (const found of text.matchAll(form)) {
    out.push(...words(unescaped(text.slice(from, found.index))));
    from = found.index + found[0].length;
    if (found[1] !== undefined) out.push(special(found[1]));
    else if (found[2] !== undefined) out.push(el("pre", {}, mrkdwn(found[2], true)));
    else out.push(el(styles[found[3]], {}, mrkdwn(found[4], found[3] === "`")));
  }
  out.push(...words(unescaped(text.slice(from))));
  return out;
}

// paragraphs renders mrkdwn with its quoted lines.
export function paragraphs(text) {
  return text.split(/\n(?=&gt; ?)|(?<=^&gt;[^\n]*)\n/gm).map((part) =>
    part.startsWith("&gt;") ? el("blockquote", {}, mrkdwn(part.replace(/^&gt; ?/, ""))) : el("p", {}, mrkdwn(part)));
}

export const textObject = (o) => (o.type === "mrkdwn" ? mrkdwn(o.text) : words(o.text));
