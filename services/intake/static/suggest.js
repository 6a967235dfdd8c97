// Shows documentation that may answer a request while it is written; without it stands a link.
const form = document.getElementById("request");
const place = document.getElementById("suggested");
const otherwise = [...place.childNodes];
const MOST = 3;
const SHORTEST = 3;
const PAUSE = 400; // ms after the last key
const LONGEST = 200; // characters asked for

let asked = "";
let pending = null;
let timer = 0;

function question() {
  const subject = form.elements.subject?.value ?? "";
  return `${subject} ${form.elements.text.value}`.replace(/\s+/g, " ").trim().slice(0, LONGEST);
}

async function look() {
  const words = question();
  if (words === asked) return;
  asked = words;
  pending?.abort();
  if (words.length < SHORTEST) return show([]);
  pending = new AbortController();
  const address = new URL(form.dataset.search);
  address.searchParams.set("q", words);
  try {
    const answer = await fetch(address, { signal: pending.signal, credentials: "omit", referrerPolicy: "no-referrer" });
    if (!answer.ok) return;
    const { articles } = await answer.json();
    show(Array.isArray(articles) ? articles.slice(0, MOST) : []);
  } catch {
    // The documentation is away: what is shown already does no harm.
  }
}

function show(articles) {
  const items = articles.map(item).filter(Boolean);
  if (!items.length) return place.replaceChildren(...otherwise);
  const told = document.createElement("p");
  told.className = "quiet";
  told.textContent = form.dataset.found;
  const list = document.createElement("ul");
  list.append(...items);
  place.replaceChildren(told, list);
}

function item({ url, title, summary }) {
  const address = URL.parse?.(url, form.dataset.search) ?? new URL(url, form.dataset.search);
  if (!/^https?:$/.test(address.protocol)) return null;
  const link = document.createElement("a");
  link.href = address.href;
  link.target = "_blank"; // what was typed stays where it is
  link.rel = "noopener";
  link.textContent = title;
  const said = document.createElement("p");
  said.textContent = summary ?? "";
  const made = document.createElement("li");
  made.append(link, said);
  return made;
}

form.addEventListener("input", (event) => {
  if (!["subject", "text"].includes(event.target.name)) return;
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE);
});
if (question().length >= SHORTEST) look();
