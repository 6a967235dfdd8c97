// Keeps a page that is open as its thread, or the inbox, is now: patches from one stream of events.
//
// What a page brings:
//   <main data-live="/center/…/live" data-seen="…">   the stream, and what the page shows already
//   parts.live()                                      shows whether it is followed (`#live`)
//   <p class="typing" id="typing" data-words="%(name)s is writing …" data-somebody="An agent"></p>
// What scripts of the page may listen to (all bubble up to the document):
//   careline:patched   on the new element (on the document for what was removed); detail: the patch
//   careline:typing    on the document; detail: {name, kind}; preventDefault() to show it oneself
//   careline:over      on the document: the page is theirs no longer, and follows nothing more
//
// A patch never takes away what somebody is at: where the focus is in a field, a field was changed,
// or a dialog is open, it waits until that is over. Every patch is the whole of what it replaces, so
// only the last one of each element is kept.

const page = document.querySelector("[data-live]");
const sign = document.getElementById("live");
const typing = document.getElementById("typing");

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30000;
const SILENCE = 40000; // the server says something every 15 s: after so long the line is dead
const SAY_LOST_AFTER = 2000;
const TYPING_FOR = 6000;
const LOOK_AGAIN = 3000;
const MOST_STREAMS = 4; // browsers open six connections to one server over HTTP/1.1, for all tabs

// ---- patches ----

const held = new Map(); // patches that wait, by the id of what they replace

const FIELDS = "input:not([type=hidden]), textarea, select";
const FOCUSABLE = "a[href], button, input, textarea, select, summary, [tabindex]";

function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type === "file") return field.files.length > 0;
  if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
  const chosen = [...field.options].some((each) => each.defaultSelected);
  return chosen
    ? [...field.options].some((each) => each.selected !== each.defaultSelected)
    : field.selectedIndex > 0;
}

function isInUse(element) {
  // Where only links and boxes to tick are, and the page keeps by itself what is ticked.
  if ("always" in element.dataset) return false;
  const fields = [...element.querySelectorAll(FIELDS)];
  const focused = element.contains(document.activeElement) && fields.length > 0;
  return focused || fields.some(isChanged) || element.querySelector("dialog[open], :popover-open") !== null;
}

function made(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// What the reader did to an element that is no part of its HTML: what is open, how far it is
// scrolled, and where the focus is.
function remembered(element) {
  const focus = element.contains(document.activeElement) ? document.activeElement : null;
  const places = (selector) => [element, ...element.querySelectorAll(selector)];
  return {
    id: focus?.id,
    place: focus ? places(FOCUSABLE).indexOf(focus) : -1,
    open: places("details").map((each) => each.open),
    scrolled: places("[id]").filter((each) => each.id && (each.scrollTop || each.scrollLeft))
      .map((each) => [each.id, each.scrollTop, each.scrollLeft]),
  };
}

function restore(element, was) {
  const places = (selector) => [element, ...element.querySelectorAll(selector)];
  const details = places("details");
  if (details.length === was.open.length) details.forEach((each, at) => { if (was.open[at]) each.open = true; });
  was.scrolled.forEach(([id, top, left]) => document.getElementById(id)?.scrollTo({ top, left, behavior: "instant" }));
  if (was.place < 0) return;
  const focus = (was.id && document.getElementById(was.id)) || places(FOCUSABLE)[was.place];
  focus?.focus({ preventScroll: true });
}

function tell(on, patch) {
  on.dispatchEvent(new CustomEvent("careline:patched", { bubbles: true, detail: patch }));
}

function replace(old, patch) {
  if (isInUse(old)) {
    held.set(old.id, patch);
    return;
  }
  held.delete(old.id);
  const was = remembered(old);
  const element = made(patch.html);
  if (!element) return;
  old.replaceWith(element);
  restore(element, was);
  tell(element, patch);
}

function apply(patch) {
  const target = document.getElementById(patch.target);
  if (!target) return;
  if (patch.do === "append") {
    const there = patch.key && document.getElementById(patch.key);
    if (there) return replace(there, patch);
    const element = made(patch.html);
    if (!element) return;
    target.append(element);
    tell(element, patch);
  } else if (patch.do === "replace") {
    replace(target, patch);
  } else if (isInUse(target)) {
    held.set(target.id, patch);
  } else {
    held.delete(target.id);
    target.remove();
    tell(document, patch);
  }
}

function applyHeld() {
  for (const [id, patch] of [...held]) {
    const element = document.getElementById(id);
    if (!element) held.delete(id);
    else if (!isInUse(element)) {
      if (patch.do === "remove") apply(patch);
      else replace(element, patch);
    }
  }
}

for (const event of ["focusout", "reset", "close", "careline:written"]) {
  document.addEventListener(event, () => setTimeout(applyHeld), true);
}
setInterval(() => { if (held.size) applyHeld(); }, LOOK_AGAIN);

// ---- typing ----

let typingTimer;

function showTyping(said) {
  const event = new CustomEvent("careline:typing", { bubbles: true, cancelable: true, detail: said });
  if (!document.dispatchEvent(event) || !typing) return;
  const words = typing.dataset.words ?? "%(name)s …";
  typing.textContent = words.replace("%(name)s", said.name ?? typing.dataset.somebody ?? "");
  clearTimeout(typingTimer);
  typingTimer = setTimeout(hideTyping, TYPING_FOR);
}

function hideTyping() {
  clearTimeout(typingTimer);
  if (typing) typing.textContent = "";
}

// ---- the stream ----

let source = null;
let seen = page?.dataset.seen ?? "";
let wait = FIRST_WAIT;
let retryTimer;
let silenceTimer;
let signTimer;
let isOver = false;
let letGo = null; // tells the other tabs that this one has no stream any more

function show(state) {
  clearTimeout(signTimer);
  if (!sign) return;
  const set = () => {
    if (sign.dataset.state === state) return;
    sign.dataset.state = state;
    sign.textContent = sign.dataset[state] ?? "";
  };
  // A line that is back at once was never lost, as far as anybody needs to hear.
  if (state === "lost" && navigator.onLine) signTimer = setTimeout(set, SAY_LOST_AFTER);
  else set();
}

function hear() {
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(again, SILENCE);
}

function receive(event, act) {
  hear();
  if (event.lastEventId) seen = event.lastEventId;
  page.dataset.seen = seen;
  act(JSON.parse(event.data));
}

function open() {
  close();
  if (isOver) return;
  const address = new URL(page.dataset.live, location.href);
  if (seen) address.searchParams.set("seen", seen);
  source = new EventSource(address);
  source.onopen = () => { wait = FIRST_WAIT; show("live"); hear(); };
  source.onerror = again;
  source.addEventListener("beat", hear);
  source.addEventListener("seen", (event) => receive(event, () => {}));
  source.addEventListener("patch", (event) => receive(event, (patch) => {
    if (patch.do === "append") hideTyping();
    apply(patch);
  }));
  source.addEventListener("typing", (event) => receive(event, showTyping));
  source.addEventListener("over", () => {
    isOver = true;
    close();
    show("over");
    document.dispatchEvent(new CustomEvent("careline:over", { bubbles: true }));
  });
  hear();
  count();
}

function close() {
  clearTimeout(retryTimer);
  clearTimeout(silenceTimer);
  source?.close();
  source = null;
  letGo?.();
  letGo = null;
}

// The browser would come back by itself, but not after each kind of trouble, and all at one pace.
function again() {
  close();
  if (isOver) return;
  show("lost");
  retryTimer = setTimeout(open, wait * (1 + Math.random()));
  wait = Math.min(wait * 2, LONGEST_WAIT);
}

function atOnce() {
  if (source?.readyState === EventSource.OPEN) return;
  wait = FIRST_WAIT;
  open();
}

// ---- many tabs ----

function count() {
  navigator.locks?.request("careline-live", { mode: "shared" }, () => new Promise((resolve) => {
    if (source) letGo = resolve;
    else resolve();
  })).catch(() => {});
}

async function makeRoom() {
  if (!navigator.locks || !document.hidden || !source) return;
  const { held: all } = await navigator.locks.query();
  const streams = all.filter((each) => each.name === "careline-live").length;
  if (streams > MOST_STREAMS && document.hidden) close();
}

if (page) {
  addEventListener("online", atOnce);
  addEventListener("offline", () => show("lost"));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) atOnce(); });
  setInterval(makeRoom, LOOK_AGAIN);
  open();
}
