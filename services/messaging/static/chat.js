// A chat in a frame: tells the page around it the ticket's slot, as soon as that is known.

const chat = document.getElementById("chat");
let told = "";

function tell() {
  const slot = document.getElementById("slot")?.dataset;
  if (parent === window || !slot?.plan) return;
  const said = {
    careline: "slot",
    plan: slot.plan,
    planName: slot.planName,
    due: slot.due || null,
    dueText: slot.dueText,
  };
  if (JSON.stringify(said) === told) return;
  told = JSON.stringify(said);
  // Only that page hears it: the browser holds it to this origin.
  parent.postMessage(said, new URL(chat.dataset.tells).origin);
}

document.addEventListener("careline:patched", tell);
tell();
// A page around it that is slower than this one was not listening yet.
setTimeout(() => { told = ""; tell(); }, 1500);
