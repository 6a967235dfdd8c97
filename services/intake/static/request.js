// Sends the form without losing what was typed: it is kept in this browser until it was taken, is
// sent once at a time, and again by itself when we could not be reached. The form's id goes with
// it, so that whatever arrives twice is one request.
const form = document.getElementById("request");
const button = document.getElementById("send");
const told = document.getElementById("told");
const words = form.dataset;
const DRAFT = `careline.request.${location.pathname}`;
const TAKEN = "careline.request.taken";
const KEPT = ["subject", "text"];
const FIRST_PAUSE = 2, LONGEST_PAUSE = 30; // seconds
const MOST_FILES = 10, FILE_BYTES = 10 * 2 ** 20, ALL_BYTES = 20 * 2 ** 20;
const send = button.textContent;

let sending = false;
let pause = FIRST_PAUSE;
let timer = 0;

form.elements.time_zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";

// Going back or loading again leads to the same form, whatever the browser kept of the page.
if (/^[\w-]{43}$/.test(history.state?.form)) form.elements.form.value = history.state.form;
else markForm();

function markForm() {
  history.replaceState({ form: form.elements.form.value }, "");
}

/* ---- what is kept ---- */
function remembered(store, name) {
  try {
    return JSON.parse(store.getItem(name)) ?? {};
  } catch {
    return {}; // nothing may be kept here, or somebody else wrote it
  }
}

function remember(store, name, value) {
  try {
    if (value === null) store.removeItem(name);
    else store.setItem(name, JSON.stringify(value));
  } catch {
    // Without a place to keep it, the page itself still holds it.
  }
}

function keep(tried = remembered(localStorage, DRAFT).tried ?? false) {
  const draft = { form: form.elements.form.value, tried };
  for (const name of KEPT) draft[name] = form.elements[name]?.value ?? "";
  remember(localStorage, DRAFT, KEPT.some((name) => draft[name].trim()) ? draft : null);
}

function restore() {
  const draft = remembered(localStorage, DRAFT);
  const isEmpty = KEPT.every((name) => !form.elements[name]?.value.trim());
  if (!isEmpty || !KEPT.some((name) => draft[name]?.trim())) return;
  for (const name of KEPT) if (form.elements[name]) form.elements[name].value = draft[name] ?? "";
  // It may have arrived: under its own id it is the same request.
  if (draft.tried && /^[\w-]{43}$/.test(draft.form)) {
    form.elements.form.value = draft.form;
    markForm();
  }
  const discard = document.createElement("button");
  discard.type = "button";
  discard.className = "plain small";
  discard.textContent = words.discard;
  discard.addEventListener("click", () => {
    remember(localStorage, DRAFT, null);
    location.replace(location.pathname); // a new form
  });
  notice("", words.kept, discard);
}

/* ---- what is said ---- */
function element(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}

function notice(tone, text, ...more) {
  const box = element("div", "", { className: `notice ${tone}` });
  box.setAttribute("role", tone === "problem" ? "alert" : "status");
  box.append(element("p", text), ...more);
  told.replaceChildren(box);
}

function problem(title, text) {
  notice("problem", "");
  const [first] = told.firstChild.children;
  first.append(element("strong", title));
  told.firstChild.append(element("p", text));
}

function clear() {
  told.replaceChildren();
  document.getElementById("error-summary")?.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    const error = document.getElementById(`error-${field.name}`);
    describe(field, error?.id, null);
    error?.remove();
  }
}

function describe(field, less, more) {
  const ids = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== less);
  if (more) ids.unshift(more);
  if (ids.length) field.setAttribute("aria-describedby", ids.join(" "));
  else field.removeAttribute("aria-describedby");
}

function mend(wrong) {
  const list = document.createElement("ul");
  for (const [name, detail] of wrong) {
    const field = document.getElementById(`field-${name}`);
    const item = element("li", field ? "" : detail);
    if (field) {
      const error = element("p", detail, { className: "error", id: `error-${name}` });
      field.before(error);
      field.setAttribute("aria-invalid", "true");
      describe(field, null, error.id);
      item.append(element("a", detail, { href: `#${field.id}` }));
    }
    list.append(item);
  }
  const title = element("h2", words.mend, { id: "error-summary-title" });
  const summary = element("div", "", { className: "error-summary", id: "error-summary", tabIndex: -1 });
  summary.setAttribute("role", "alert");
  summary.setAttribute("aria-labelledby", title.id);
  summary.append(title, list);
  told.replaceChildren(summary);
  summary.focus();
}

/* ---- sending ---- */
function tooLarge() {
  const files = [...(form.elements.files?.files ?? [])];
  const all = files.reduce((sum, file) => sum + file.size, 0);
  return files.length > MOST_FILES || all > ALL_BYTES || files.some((file) => file.size > FILE_BYTES);
}

function busy(is) {
  sending = is;
  const hadFocus = document.activeElement === button;
  button.disabled = is;
  form.setAttribute("aria-busy", String(is));
  button.textContent = is ? words.sending : send;
  if (!is && (hadFocus || document.activeElement === document.body)) button.focus();
}

async function attempt() {
  clearTimeout(timer);
  if (sending) return;
  const taken = remembered(sessionStorage, TAKEN)[form.elements.form.value];
  if (taken) return location.assign(taken);
  clear();
  if (tooLarge()) return mend([["files", words.large]]);
  keep(true);
  busy(true);
  const body = new FormData(form);
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Careline": "script" } });
    await judge(answer);
  } catch {
    wait();
  }
}

async function judge(answer) {
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 201) return thank(said.thanks);
  if ([502, 503, 504].includes(answer.status)) return wait();
  busy(false);
  pause = FIRST_PAUSE;
  if (said.errors?.length) return mend(said.errors.map((each) => [each.pointer.replace(/^\//, ""), each.detail]));
  problem(words.refused, answer.status < 500 && said.detail ? said.detail : words.failed);
}

function thank(path) {
  const taken = remembered(sessionStorage, TAKEN);
  remember(sessionStorage, TAKEN, { ...taken, [form.elements.form.value]: path });
  remember(localStorage, DRAFT, null);
  location.assign(path);
}

function wait() {
  busy(false);
  button.textContent = words.again;
  notice("warning", words.waiting);
  timer = setTimeout(attempt, pause * 1000);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

function sayTaken() {
  const path = remembered(sessionStorage, TAKEN)[form.elements.form.value];
  if (!path) return false;
  busy(false);
  const look = element("a", words.look, { href: path });
  const anew = element("a", words.anew, { href: location.pathname });
  const ways = element("p", "", { className: "buttons" });
  ways.append(look, anew);
  notice("good", words.taken, ways);
  return true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt();
});
form.addEventListener("input", () => keep());
addEventListener("online", () => {
  if (timer && !sending) attempt();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) sayTaken();
});
if (!sayTaken()) restore();
