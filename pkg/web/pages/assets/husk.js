// Everything works without this script. It leads to what is wrong with a form, and keeps a form from being sent twice.
"use strict";

const errors = document.getElementById("errors");
if (errors) errors.focus();

document.addEventListener("submit", (e) => {
  const form = e.target;
  if ("again" in form.dataset) return; // its answer is a file: the page stays
  if (form.dataset.sent) {
    e.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  if (e.submitter) e.submitter.setAttribute("aria-disabled", "true");
});

// A page that comes back with the browser's Back can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
    for (const b of form.querySelectorAll("[aria-disabled]")) b.removeAttribute("aria-disabled");
  }
});

// The figures of the day come by themselves as they change, until somebody pauses them or the server ends it.
const live = document.getElementById("live");
if (live && window.EventSource) {
  const figures = document.getElementById("figures");
  const text = document.getElementById("live-text");
  const pause = document.getElementById("live-pause");
  let source = null;
  const say = (what, stale) => {
    if (text.textContent !== what) text.textContent = what;
    live.classList.toggle("stale", stale);
  };
  const close = () => {
    if (source) source.close();
    source = null;
  };
  const open = () => {
    source = new EventSource(live.dataset.events);
    source.addEventListener("day", (e) => {
      figures.innerHTML = e.data;
      say(live.dataset.going, false);
    });
    source.addEventListener("wait", (e) => say(e.data, true));
    source.addEventListener("over", (e) => {
      close();
      pause.hidden = true;
      say(e.data, true);
    });
    source.addEventListener("error", () => say(live.dataset.lost, true));
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    if (source) close();
    else open();
    pause.textContent = source ? live.dataset.pause : live.dataset.goOn;
    say(source ? live.dataset.going : live.dataset.off, !source);
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (e) => {
    if (e.persisted && !source && !pause.hidden) open();
  });
  open();
}

// The editor of a text: placeholders by button, and what patients read while somebody writes.
const editor = document.getElementById("editor");
if (editor) {
  const text = editor.elements.namedItem("text");
  const reads = document.getElementById("reads");
  const told = document.getElementById("reads-told");
  let timer, asked, dirty = false;

  const measure = async () => {
    if (asked) asked.abort();
    asked = new AbortController();
    const signal = asked.signal;
    try {
      const answer = await fetch(editor.dataset.measure, { method: "POST", body: new URLSearchParams(new FormData(editor)), signal });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const html = await answer.text();
      if (signal.aborted) return;
      reads.innerHTML = html;
      reads.removeAttribute("aria-busy");
      const sum = reads.querySelector("[data-sum]");
      told.textContent = sum ? sum.textContent : "";
    } catch (e) {
      if (signal.aborted) return;
      reads.setAttribute("aria-busy", "true");
      told.className = "notice warning";
      told.textContent = editor.dataset.lost;
      return;
    }
    told.className = "sr";
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(measure, 400);
  };
  text.addEventListener("input", () => {
    dirty = true;
    later();
  });
  const unit = editor.elements.namedItem("unit");
  if (unit) unit.addEventListener("change", later);

  const last = text.value.trimEnd().length;
  text.setSelectionRange(last, last); // where a button inserts as long as nobody has put the cursor elsewhere
  for (const b of editor.querySelectorAll("[data-insert]")) {
    b.hidden = false;
    b.nextElementSibling.hidden = true;
    b.addEventListener("click", () => {
      text.focus();
      if (!document.execCommand("insertText", false, b.dataset.insert)) { // keeps what Undo knows
        text.setRangeText(b.dataset.insert, text.selectionStart, text.selectionEnd, "end");
        text.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
  }
  const hint = document.getElementById("insert-hint");
  if (hint) hint.hidden = true;

  // The place of a finding leads to it in the text.
  reads.addEventListener("click", (e) => {
    const a = e.target.closest("a[data-line]");
    if (!a) return;
    e.preventDefault();
    const lines = text.value.split("\n");
    const line = Math.min(Number(a.dataset.line), lines.length) - 1;
    const column = Math.max(Number(a.dataset.column), 1) - 1;
    const at = lines.slice(0, line).join("\n").length + (line > 0 ? 1 : 0) + [...lines[line]].slice(0, column).join("").length;
    text.focus();
    text.setSelectionRange(at, Math.min(at + 1, text.value.length));
  });

  // Nobody loses a text by a wrong click.
  editor.addEventListener("submit", () => { dirty = false; });
  window.addEventListener("beforeunload", (e) => { if (dirty) e.preventDefault(); });
}
