// Writes <time data-local> in the reader's own zone; without this they stand in UTC, as sent.
// In the page's language; how its region writes them the browser knows, if it speaks that language.
const page = document.documentElement.lang;
const spoken = navigator.languages.find((each) => each.split("-")[0] === page.split("-")[0]);
const locale = spoken ?? (page === "en" ? "en-150" : page || undefined);
const forms = {
  time: new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }),
  date: new Intl.DateTimeFormat(locale, { dateStyle: "medium" }),
  day: new Intl.DateTimeFormat(locale, {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
  }),
  full: new Intl.DateTimeFormat(locale, {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  }),
};

/** "near" is the time alone for today, and the day too for any other. */
function formOf(name, instant) {
  if (name !== "near") return name;
  return instant.toDateString() === new Date().toDateString() ? "time" : "day";
}

/** Rewrite all marked times below an element. */
export function writeTimes(root) {
  const marked = root.querySelectorAll("time[data-local]");
  const all = root instanceof Element && root.matches("time[data-local]") ? [root, ...marked] : marked;
  for (const time of all) {
    const instant = new Date(time.dateTime);
    if (Number.isNaN(instant.getTime()) || time.dataset.written === time.dateTime) continue;
    const form = forms[formOf(time.dataset.local, instant)] ?? forms.full;
    time.title ||= time.textContent.trim();
    time.textContent = form.format(instant);
    time.dataset.written = time.dateTime;
  }
}

writeTimes(document);
// What comes in later, live or by other scripts, is written too.
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const added of change.addedNodes) if (added instanceof Element) writeTimes(added);
  }
}).observe(document.body, { childList: true, subtree: true });
