// Making and renewing parts of the document. Text enters it as text nodes only, never as
// markup.

export const $ = (id) => document.getElementById(id);

// el makes an element. Children are nodes or strings; strings become text.
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// The icons, drawn here so that none needs a font of its own: lines in a square of 24.
const icons = {
  lock: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
  eye: ["M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z", "M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  more: ["M5.5 12h.01", "M12 12h.01", "M18.5 12h.01"],
  plus: ["M12 5v14", "M5 12h14"],
  app: ["M4 4h7v7H4z", "M13 4h7v7h-7z", "M4 13h7v7H4z", "M13 13h7v7h-7z"],
  hourglass: ["M6 3h12", "M6 21h12", "M7.5 3c0 5 4.5 5.5 4.5 9s-4.5 4-4.5 9", "M16.5 3c0 5-4.5 5.5-4.5 9s4.5 4 4.5 9"],
  check: ["M4 4h16v16H4z", "M8 12.5l3 3 5.5-7"],
  stop: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M7.5 12h9"],
  question: ["M8 8.5a4 4 0 1 1 5.5 3.7c-1 .5-1.5 1.1-1.5 2.3", "M12 18.5h.01"],
  tube: ["M9 3h6", "M10 3v12.5a4 4 0 0 1-.5 2A2.5 2.5 0 0 0 14 20V3", "M10 11h4"],
  warning: ["M12 3.5L22 20.5H2z", "M12 10v5", "M12 17.8h.01"],
};

// icon draws one. What it says to a screen reader is name; without one it is decoration.
export function icon(kind, name) {
  const svg = "http://www.w3.org/2000/svg";
  const node = fill(document.createElementNS(svg, "svg"), {
    class: `icon icon-${kind}`, viewBox: "0 0 24 24", role: name && "img", "aria-label": name, "aria-hidden": name ? undefined : "true",
  }, []);
  node.append(...icons[kind].map((d) => fill(document.createElementNS(svg, "path"), { d }, [])));
  return node;
}

// The signs that apps put into texts, with their names at Slack.
const signs = new Map([
  ["\u23F3", ["hourglass", "hourglass not done"]], ["\u2705", ["check", "check mark"]], ["\u26D4", ["stop", "no entry"]],
  ["\u2753", ["question", "question mark"]], ["\u{1F9EA}", ["tube", "test tube"]], ["\u26A0", ["warning", "warning"]],
]);

// own is what an object itself has under a key. Keys may be anybody's words, and every
// object inherits some names.
export const own = (object, key) => (Object.hasOwn(object, key) ? object[key] : undefined);

// words are a text with its signs drawn: not every system has a font for them.
export function words(text) {
  return text.split(/([\u23F3\u2705\u26D4\u2753\u26A0\u{1F9EA}]\uFE0F?)/u).map((part) => {
    const sign = signs.get(part.replace("\uFE0F", ""));
    return sign ? icon(...sign) : part;
  });
}

const shown = new WeakMap(); // node -> what it was made of

// patch makes the children of box the items, [{key, of, make}], and leaves alone what has
// not changed: focus, selection and screen readers stay put.
export function patch(box, items) {
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

// keepEnd does a change and stays at the end of a scrolled box if that is where the
// reader was. Of a last message taller than the box it shows the top.
export function keepEnd(box, key, change) {
  const other = box.dataset.shows !== key;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40 || String(box.scrollTop) === box.dataset.put;
  change();
  box.dataset.shows = key;
  if (!other && !atEnd) return;
  const last = box.lastElementChild;
  box.scrollTop = last && last.offsetHeight > box.clientHeight ? last.offsetTop - box.offsetTop : box.scrollHeight;
  box.dataset.put = box.scrollTop;
}

// stayAtEnd keeps a reader at the end of a box whose size changes.
export function stayAtEnd(box) {
  new ResizeObserver(() => keepEnd(box, box.dataset.shows, () => {})).observe(box);
}

// announce has screen readers say something.
export function announce(text) {
  $("said").textContent = text;
}
