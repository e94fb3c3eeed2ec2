// What somebody does who finds their way by what they read. Tests put it before what they ask the page.
const flat = (s) => s.replace(/\s+/g, " ").trim();
const shown = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";

// The words of an element, and those without what only screen readers say or what says that a field is optional.
const wordsOf = (e) => {
  const c = e.cloneNode(true);
  for (const x of c.querySelectorAll(".sr, .optional")) x.remove();
  return [flat(c.textContent), flat(e.textContent), flat(e.getAttribute("aria-label") || "")];
};
const says = (e, words) => wordsOf(e).includes(flat(words));

const field = (label) => {
  const l = [...document.querySelectorAll("label")].find((l) => says(l, label) && l.control && !l.classList.contains("choice"));
  return l && l.control;
};
const boxes = (words) => words === "" ? [document] : [...document.querySelectorAll("tr, li, section, form, fieldset")].filter((e) => flat(e.innerText).includes(flat(words)));

const all = (kind, words, box) => {
  switch (kind) {
    case "link": return [...box.querySelectorAll("a[href]")].filter((e) => says(e, words));
    case "button": return [...box.querySelectorAll("button")].filter((e) => says(e, words));
    case "summary": return [...box.querySelectorAll("summary")].filter((e) => flat(e.textContent).includes(flat(words)));
    case "choice": return [...box.querySelectorAll("label.choice")].filter((e) => says(e, words)).map((l) => l.control);
    case "field": return [field(words)].filter(Boolean);
  }
};

const find = (kind, words, within) => {
  const bs = boxes(within);
  if (!bs.length) return {Why: "nothing has the words " + within};
  const box = bs.sort((a, b) => flat(a.textContent || "").length - flat(b.textContent || "").length);
  for (const b of box) {
    const es = all(kind, words, b).filter(shown);
    if (!es.length) continue;
    if (new Set(es.map((e) => e.href || e)).size > 1) return {Why: "there are " + es.length};
    const e = es[0];
    e.scrollIntoView({block: "center", inline: "center"});
    const r = e.getClientRects()[0], x = r.x + r.width / 2, y = r.y + r.height / 2;
    const on = document.elementFromPoint(x, y);
    if (!on || !(e.contains(on) || on.contains(e))) return {Why: "something lies over it: " + (on ? on.outerHTML.slice(0, 200) : "outside")};
    return {X: x, Y: y, Why: "", Tag: e.localName, Type: e.type || ""};
  }
  return {Why: "there is none"};
};

const changed = (e) => {
  e.dispatchEvent(new Event("input", {bubbles: true}));
  e.dispatchEvent(new Event("change", {bubbles: true}));
  return true;
};
const set = (label, value) => {
  const e = field(label);
  e.value = value;
  return changed(e);
};
const choose = (label, words) => {
  const e = field(label), o = [...e.options].find((o) => says(o, words));
  if (!o) return false;
  e.value = o.value;
  return changed(e);
};

// What has the focus: whether it has some words, and whether the focus can be seen there.
const focused = (words) => {
  const e = document.activeElement;
  if (!e || e === document.body) return {Says: false, Seen: true, What: "nothing"};
  const s = getComputedStyle(e), r = e.getBoundingClientRect();
  const ring = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none";
  const named = says(e, words) || [...(e.labels || [])].some((l) => says(l, words)) || e.localName === "summary" && flat(e.textContent).includes(flat(words));
  const inside = r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth;
  return {Says: named, Seen: ring && inside, What: e.outerHTML.slice(0, 200)};
};

// What makes the page wider than the window.
const sideways = () => {
  const d = document.documentElement;
  if (d.scrollWidth <= d.clientWidth) return "";
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > d.clientWidth + 0.5 && !e.closest(".scroll"));
  return d.scrollWidth + " > " + d.clientWidth + ": " + wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 160)).join(" | ");
};
