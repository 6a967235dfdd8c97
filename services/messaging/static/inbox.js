// Agents' pages: keys, selecting several tickets, forms that change a ticket without a reload, and
// canned answers. Everything works without this too: links lead on, and forms are sent.

const KEYS_OFF = "careline.keys-off";
const TOLD_FOR = 12000;

const page = document.querySelector("[data-ticket-page]");
const rows = () => [...document.querySelectorAll("#inbox-list [data-ticket]")];
const linkOf = (row) => row?.querySelector("h2 a");

for (const each of document.querySelectorAll(".with-script")) each.hidden = false;

// ---- keys ----

const stored = (() => {
  let off = false;
  try { off = localStorage.getItem(KEYS_OFF) === "yes"; } catch { /* not allowed: they are on */ }
  return {
    get off() { return off; },
    set off(value) {
      off = value;
      try {
        if (value) localStorage.setItem(KEYS_OFF, "yes");
        else localStorage.removeItem(KEYS_OFF);
      } catch { /* kept for this page alone */ }
    },
  };
})();

const keys = document.getElementById("keys");
const keysOn = document.getElementById("keys-on");
if (keysOn) {
  keysOn.checked = !stored.off;
  keysOn.addEventListener("change", () => { stored.off = !keysOn.checked; });
}
document.querySelector("[data-show-keys]")?.addEventListener("click", () => keys.showModal());

function isWriting(target) {
  return target instanceof Element && target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") !== null;
}

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  linkOf(all[next])?.focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function write(kind) {
  const box = document.getElementById(kind === "note" ? "as-note" : "as-reply");
  const text = document.getElementById("composer-text");
  if (!box || !text) return false;
  box.checked = true;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  text.focus();
  return true;
}

function focus(selector) {
  const element = document.querySelector(selector);
  element?.focus();
  element?.scrollIntoView({ block: "nearest" });
  return Boolean(element);
}

function search() {
  if (focus("[data-search], #f-text")) return true;
  location.assign("/search");
  return true;
}

function assignToMe() {
  const form = document.getElementById("assign-me");
  form?.requestSubmit();
  return Boolean(form);
}

function tick() {
  const box = document.activeElement?.closest("[data-ticket]")?.querySelector("input[type=checkbox]");
  box?.click();
  return Boolean(box);
}

const acts = {
  j: () => rows().length > 0 && (move(1), true),
  k: () => rows().length > 0 && (move(-1), true),
  ArrowDown: () => inList() && (move(1), true),
  ArrowUp: () => inList() && (move(-1), true),
  x: tick,
  r: () => write("reply"),
  n: () => write("note"),
  a: assignToMe,
  s: () => focus("#set-status"),
  u: () => { location.assign("/inbox"); return true; },
  "/": search,
  "?": () => { keys?.showModal(); return true; },
};

// Arrows scroll the page; only where a ticket of the list has the focus they go from one to the next.
const inList = () => document.activeElement?.closest("#inbox-list [data-ticket]") != null;

let before = "";
document.addEventListener("keydown", (event) => {
  if (stored.off || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.isComposing || isWriting(event.target) || document.querySelector("dialog[open]")) return;
  if (before === "g" && event.key === "i") {
    before = "";
    event.preventDefault();
    location.assign("/inbox");
    return;
  }
  before = event.key === "g" ? "g" : "";
  if (event.key.startsWith("Arrow") && event.target instanceof Element && event.target.matches("input[type=radio]")) return;
  if (acts[event.key]?.()) event.preventDefault();
});

// ---- the list: what is ticked stays ticked while tickets move ----

const ticked = new Set();
const news = document.getElementById("inbox-news");
let counts = null;
let place = -1;

function showSelected() {
  const words = document.querySelector("[data-selected]");
  if (!words) return;
  const bar = document.getElementById("bulk-bar");
  words.textContent = ticked.size ? `Change ${ticked.size} selected ${ticked.size === 1 ? "ticket" : "tickets"}` : "Change several tickets at once";
  bar.classList.toggle("has-selected", ticked.size > 0);
}

function readCounts() {
  const list = document.getElementById("inbox-list");
  return list && { breached: Number(list.dataset.breached), risk: Number(list.dataset.atRisk) };
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.name !== "ticket") return;
  if (box.checked) ticked.add(box.value);
  else ticked.delete(box.value);
  showSelected();
});
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("[data-ticket]");
  place = row ? rows().indexOf(row) : -1;
});
document.addEventListener("careline:patched", (event) => {
  if (event.target.id !== "inbox-list") return;
  const there = new Set(rows().map((row) => row.dataset.ticket));
  for (const ticket of [...ticked]) if (!there.has(ticket)) ticked.delete(ticket);
  for (const row of rows()) row.querySelector("input[type=checkbox]").checked = ticked.has(row.dataset.ticket);
  showSelected();
  // The ticket that had the focus has gone: the one in its place has it now.
  if (place >= 0 && document.activeElement === document.body) linkOf(rows()[Math.min(place, rows().length - 1)])?.focus();
  const now = readCounts();
  if (news && counts && now && (now.breached !== counts.breached || now.risk !== counts.risk)) {
    document.title = (now.breached ? `(${now.breached} breached) ` : "") + document.title.replace(/^\(\d+ breached\) /, "");
    news.textContent = `The list has changed: ${now.breached} breached, ${now.risk} at risk.`;
  }
  counts = now;
});
counts = readCounts();
for (const box of document.querySelectorAll("input[name=ticket]:checked")) ticked.add(box.value);
showSelected();

// ---- forms that change a ticket: sent, and what they change is fetched ----

let told;

function showTold() {
  const notice = document.querySelector("[data-told]");
  clearTimeout(told);
  if (!notice) return;
  told = setTimeout(() => {
    if (notice.matches(":hover, :focus-within")) showTold();
    else notice.remove();
  }, TOLD_FOR);
}

function complain(words, isOut = false) {
  const place = document.getElementById("told");
  const notice = document.createElement("div");
  notice.className = "notice problem";
  notice.setAttribute("role", "alert");
  const line = document.createElement("p");
  line.textContent = words;
  if (isOut) {
    const link = document.createElement("a");
    link.href = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = "Sign in";
    line.append(" ", link);
  }
  notice.append(line);
  place.replaceChildren(notice);
}

async function swap(path) {
  // What comes live meanwhile may be newer than what is fetched: it stays.
  const patched = new Set();
  const note = (event) => patched.add(event.target.id);
  document.addEventListener("careline:patched", note);
  let answer;
  let html;
  try {
    answer = await fetch(path, { headers: { Accept: "text/html" } });
    html = await answer.text();
  } finally {
    document.removeEventListener("careline:patched", note);
  }
  if (!answer.ok) throw new Error(answer.statusText);
  const fetched = new DOMParser().parseFromString(html, "text/html");
  const had = document.activeElement?.id;
  for (const id of ["told", "ticket-head", "ticket-asks", "ticket-clocks", "ticket-forms", "ticket-facts"]) {
    const fresh = fetched.getElementById(id);
    if (fresh && !patched.has(id)) document.getElementById(id)?.replaceWith(document.importNode(fresh, true));
  }
  if (had) document.getElementById(had)?.focus({ preventScroll: true });
  showTold();
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Careline": "script" } });
    if (!answer.ok) {
      const said = await answer.json().catch(() => ({}));
      complain(said.detail ?? "This did not work. Please try again.", answer.status === 401);
      return;
    }
    await swap(answer.headers.get("X-Careline-Next") ?? location.href);
  } catch {
    complain("The desk can't be reached. Please try again.");
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

if (page) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!("swap" in form.dataset) || event.defaultPrevented) return;
    event.preventDefault();
    send(form, event.submitter);
  });
  showTold();
}

// ---- the composer: what was seen, and canned answers ----

const composer = document.getElementById("composer");
const text = document.getElementById("composer-text");

// Whoever has nothing written yet sees what comes; whoever writes may miss it.
document.addEventListener("careline:patched", (event) => {
  const sequence = event.target.dataset?.sequence;
  const seen = composer?.elements.namedItem("seen");
  if (!sequence || !seen || text.value.trim()) return;
  seen.value = String(Math.max(Number(seen.value), Number(sequence)));
});

const canned = document.querySelector("[data-canned]");
if (canned && text) {
  const words = document.getElementById("canned-words");
  words.addEventListener("input", () => {
    const wanted = words.value.trim().toLowerCase();
    let shown = 0;
    for (const item of canned.querySelectorAll("li")) {
      item.hidden = !item.dataset.words.includes(wanted);
      shown += item.hidden ? 0 : 1;
    }
    document.getElementById("canned-none").hidden = shown > 0;
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    canned.querySelector("li:not([hidden]) a")?.click();
  });
  canned.addEventListener("toggle", () => { if (canned.open) words.focus(); });
  canned.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    canned.open = false;
    canned.querySelector("summary").focus();
  });
  canned.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-text]");
    if (!link) return;
    event.preventDefault();
    try {
      const answer = await fetch(link.dataset.text, { headers: { "X-Careline": "script" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const [begins, ends] = [text.selectionStart, text.selectionEnd];
      text.setRangeText(await answer.text(), begins, ends, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
      canned.open = false;
      text.focus();
    } catch {
      location.assign(link.href);
    }
  });
}
