// Counts what is left of a clock, in working time: outside opening hours it stands still.
//
// An element with data-countdown says how many seconds of working time were left (less than nothing:
// overdue) at one moment of the server's clock, and the openings from then on. The browser's own
// clock may be wrong: only how long it is since the element was first seen is taken from it.

const seen = new WeakMap();

function spell(seconds) {
  const all = Math.floor(Math.abs(seconds));
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor((all % 3600) / 60);
  if (hours) return minutes ? `${hours.toLocaleString("en")} h ${String(minutes).padStart(2, "0")} min` : `${hours.toLocaleString("en")} h`;
  if (minutes >= 10) return `${minutes} min`;
  if (minutes) return `${minutes} min ${String(all % 60).padStart(2, "0")} s`;
  return `${all} s`;
}

function read(element) {
  const { left, at, windows } = element.dataset;
  const key = `${left}|${at}|${windows}`;
  const kept = seen.get(element);
  if (kept?.key === key) return kept;
  const spans = windows.split(" ").filter(Boolean).map((span) => span.split("-").map(Number));
  const made = { key, spans, left: Number(left), at: Number(at), since: Date.now() / 1000 };
  seen.set(element, made);
  return made;
}

function write(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

function show(element) {
  const clock = read(element);
  const now = clock.at + (Date.now() / 1000 - clock.since);
  let worked = 0;
  let open = false;
  for (const [opens, closes] of clock.spans) {
    worked += Math.max(0, Math.min(closes, now) - Math.max(opens, clock.at));
    open ||= opens <= now && now < closes;
  }
  const left = clock.left - worked;
  const over = left < 0 || element.classList.contains("overdue");
  const words = over ? element.dataset.overWords : element.dataset.leftWords;
  write(element.querySelector("[data-words]"), words.replace("{}", spell(left)));
  write(element.querySelector("[data-still]"), open ? "" : ` ${element.dataset.stillWords}`);
  element.classList.toggle("still", !open);
  element.classList.toggle("over-now", over);
}

export function showAll() {
  for (const element of document.querySelectorAll("[data-countdown]")) show(element);
}

showAll();
setInterval(() => document.hidden || showAll(), 1000);
document.addEventListener("visibilitychange", () => document.hidden || showAll());
new MutationObserver((changes) => {
  const added = changes.some((change) => [...change.addedNodes].some((node) => node.nodeType === 1 && (node.matches("[data-countdown]") || node.querySelector("[data-countdown]"))));
  if (added) showAll();
}).observe(document.body, { childList: true, subtree: true });
