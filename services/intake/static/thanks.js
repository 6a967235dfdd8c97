// The chat in the frame says in which slot the request is as soon as it knows: shown here too.
const frame = document.getElementById("chat");
const card = document.getElementById("promise");
const origin = new URL(frame.src).origin;

function show({ plan, due, dueText }) {
  const row = [...document.querySelectorAll("tr[data-plan]")].find((each) => each.dataset.plan === plan);
  for (const other of document.querySelectorAll("tr[data-plan]")) {
    other.classList.toggle("own", other === row);
    other.querySelector(".mine").hidden = other !== row;
  }
  if (row) document.getElementById("promise-plan").textContent = row.querySelector("th").firstChild.textContent.trim();
  const told = document.getElementById("promise-due");
  const rules = document.getElementById("promise-rules");
  told.hidden = !due;
  rules.hidden = Boolean(due);
  document.getElementById("promise-open").hidden = true;
  // What stood there of another plan's hours holds no longer.
  if (card.dataset.plan !== plan) document.getElementById("promise-hours")?.remove();
  card.dataset.plan = plan;
  if (!due) return;
  const time = document.createElement("time");
  time.dateTime = due;
  time.textContent = dueText;
  const strong = document.createElement("strong");
  strong.append(time);
  const [before, after] = card.dataset.due.split("{due}");
  told.replaceChildren(before, strong, after ?? "");
}

addEventListener("message", (event) => {
  if (event.origin !== origin || event.source !== frame.contentWindow) return;
  const told = event.data;
  if (told?.careline !== "slot" || typeof told.plan !== "string") return;
  show({ plan: told.plan, due: String(told.due ?? ""), dueText: String(told.dueText ?? "") });
});
