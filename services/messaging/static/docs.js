// Shows results while somebody types, on the pages of the documentation; without it the form leads
// to a page with the same results.
const form = document.querySelector(".docs-search");
const told = document.getElementById("search-told");
const results = document.getElementById("results");
const all = document.getElementById("all");
const PAUSE = 250;

let timer = 0;
let asking = null;
let shown = null;

function pathOf(question) {
  return `/docs/search?${new URLSearchParams({ q: question })}`;
}

/** Ask for the page of results, and take over its part with them. */
async function search(question, { keep = true } = {}) {
  asking?.abort();
  if (question === shown) return;
  if (!question) {
    show(null, "");
    return;
  }
  asking = new AbortController();
  const path = pathOf(question);
  try {
    const answer = await fetch(path, { signal: asking.signal });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    show(page.getElementById("results"), question);
    if (keep) remember(question, path);
    document.title = page.title;
  } catch (error) {
    if (error.name !== "AbortError") told.textContent = form.dataset.away;
  }
}

/** One step back leads from all results to what was there before. */
function remember(question, path) {
  if (history.state?.question) history.replaceState({ question }, "", path);
  else history.pushState({ question }, "", path);
}

function show(found, question) {
  shown = question;
  results.replaceChildren(...(found ? document.adoptNode(found).childNodes : []));
  results.hidden = !found;
  if (all) all.hidden = Boolean(found);
  told.textContent = results.querySelector("#results-told")?.textContent ?? "";
}

function begin() {
  const field = form.elements.q;
  shown = results.hidden ? "" : field.value.trim();
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => search(field.value.trim()), PAUSE);
  });
  form.addEventListener("submit", (event) => {
    // What is shown already needs no other page.
    clearTimeout(timer);
    const question = field.value.trim();
    if (!question) return;
    event.preventDefault();
    search(question);
  });
  window.addEventListener("popstate", () => {
    const question = new URLSearchParams(location.search).get("q") ?? "";
    field.value = question;
    search(question, { keep: false });
  });
  // A browser that comes back to this page may have put words into the field by itself.
  if (field.value.trim() !== shown) search(field.value.trim());
}

// A second press on a button says nothing new.
function sayOnce(votes) {
  votes.addEventListener("submit", (event) => {
    if (votes.dataset.sent) event.preventDefault();
    votes.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => delete votes.dataset.sent);
}

if (form && results) begin();
for (const votes of document.querySelectorAll(".docs-helped form")) sayOnce(votes);
