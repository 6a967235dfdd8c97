// Reading a thread: begins where one stopped reading, says what comes, and notes what was seen.

const list = document.getElementById("messages");
const announcer = document.getElementById("announcer");
const box = list?.closest("[data-scrolls]"); // the messages of a chat scroll by themselves
const NOTE_AFTER = 800;

const last = () => [...(list?.children ?? [])].findLast((each) => each.dataset.sequence);

function isAtEnd() {
  if (box) return box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const end = last()?.getBoundingClientRect();
  return !end || end.top < innerHeight;
}

function toEnd() {
  if (box) box.scrollTop = box.scrollHeight;
  else last()?.scrollIntoView({ block: "nearest" });
}

function begin() {
  if (location.hash) return;
  const unread = document.getElementById("unread");
  if (unread) unread.scrollIntoView({ block: box ? "nearest" : "start" });
  else if (box) toEnd();
}

// ---- what comes ----

function announce(messages) {
  const others = messages.filter((each) => !("own" in each.dataset));
  if (!announcer || others.length === 0) return;
  const first = others[0];
  const words = first.querySelector(".message-text")?.textContent.trim().slice(0, 200) ?? "";
  const who = announcer.dataset.new.replace("%(name)s", first.dataset.author);
  announcer.textContent = others.length > 1 ? announcer.dataset.some : `${who} ${words}`;
}

// How many came while nobody looked stands in the title, which is what a tab shows.
const title = document.title;
let unseen = 0;
function count(messages) {
  if (document.visibilityState === "visible") return;
  unseen += messages.filter((each) => !("own" in each.dataset)).length;
  if (unseen) document.title = `(${unseen}) ${title}`;
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  unseen = 0;
  document.title = title;
});

let wasAtEnd = true;
addEventListener("scroll", () => { wasAtEnd = isAtEnd(); }, { capture: true, passive: true });

if (list) {
  new MutationObserver((records) => {
    const added = records.flatMap((each) => [...each.addedNodes]);
    const replaced = new Set(records.flatMap((each) => [...each.removedNodes]).map((each) => each.id));
    const fresh = added.filter((each) => each.dataset?.sequence && !replaced.has(each.id));
    if (fresh.length === 0) return;
    fresh.forEach((each) => each.classList.add("fresh"));
    announce(fresh);
    count(fresh);
    if (wasAtEnd || fresh.some((each) => "own" in each.dataset)) toEnd();
    note();
  }).observe(list, { childList: true });
  document.addEventListener("careline:written", () => requestAnimationFrame(toEnd));
}

// ---- what was seen ----

let noted = Number(list?.dataset.read ?? 0);
let timer;

function note() {
  clearTimeout(timer);
  if (!list?.dataset.reads || document.visibilityState !== "visible") return;
  timer = setTimeout(() => {
    const sequence = Number(last()?.dataset.sequence ?? 0);
    if (sequence <= noted) return;
    const before = noted;
    noted = sequence;
    const proof = document.querySelector("input[name=proof]")?.value ?? "";
    const body = new URLSearchParams({ proof, sequence: String(sequence) });
    fetch(list.dataset.reads, { method: "POST", headers: { "X-Careline": "script" }, body, keepalive: true })
      .catch(() => { noted = before; });
  }, NOTE_AFTER);
}
document.addEventListener("visibilitychange", note);

begin();
