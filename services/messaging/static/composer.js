// Writing into a thread: nothing that was typed gets lost, and nothing is sent twice.
//
// A message is put into this browser's storage under a key of its own, shown as waiting, and sent
// until it is taken; the server keeps one message a key, however often it comes. What is typed and
// not sent yet is a draft. Files can't be stored: a message with files waits only while its page is
// open, and its words stay a draft until it is taken.

const storage = {
  beside: new Map(), // what could not be stored, since it is full or not allowed
  read(key) {
    if (this.beside.has(key)) return this.beside.get(key);
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  },
  write(key, value) {
    this.beside.delete(key);
    try {
      if (value.length === 0) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch {
      this.beside.set(key, value);
    }
  },
};

const PASSING = new Set([0, 408, 425, 429, 500, 502, 503, 504]);
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;
const TYPING_EVERY = 3000;

const element = (name, className = "", words = "") => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (words) made.textContent = words;
  return made;
};

const newKey = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

class Composer {
  constructor(form) {
    this.form = form;
    this.text = form.elements.namedItem("text");
    this.chosen = form.querySelector("input[type=file]");
    this.words = JSON.parse(form.dataset.words);
    const place = `${form.dataset.person}.${form.dataset.ticket}`;
    this.draftKey = `careline.draft.${place}`;
    this.waitingKey = `careline.waiting.${place}`;
    this.files = new Map(); // of messages that wait, by their keys
    this.sent = new Map(); // keys of messages that were taken, and the ids that they have now
    this.loose = []; // messages that wait only as long as this page is open
    this.wait = FIRST_WAIT;
    this.typedAt = 0;
    this.busy = false;
    this.listen();
    this.restore();
    // Whoever sees this page has signed in again since; sending it is for them to say.
    this.change((items) => items.map((each) => (each.isOut ? { ...each, isOut: false, refused: this.words.out } : each)));
    this.show();
    this.flush();
  }

  listen() {
    const { form, text, chosen } = this;
    form.noValidate = true;
    form.querySelectorAll(".with-script").forEach((each) => { each.hidden = false; });
    form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    text.addEventListener("input", () => { this.keepDraft(); this.tell(); this.complain(); });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
      if (form.dataset.enter === "sends" || event.ctrlKey || event.metaKey) {
        event.preventDefault();
        this.submit();
      }
    });
    text.addEventListener("paste", (event) => {
      if (chosen && event.clipboardData?.files.length) this.choose([...chosen.files, ...event.clipboardData.files]);
    });
    chosen?.addEventListener("change", () => this.choose([...chosen.files]));
    addEventListener("online", () => this.flush());
    addEventListener("offline", () => this.show());
    addEventListener("storage", (event) => { if (event.key === this.waitingKey) this.show(); });
    addEventListener("pagehide", () => this.keepDraft());
  }

  // ---- what is typed ----

  restore() {
    const draft = storage.read(this.draftKey);
    if (!draft || this.text.value.trim()) return;
    this.text.value = draft;
    this.say(this.words.draft);
  }

  keepDraft() {
    const unsent = this.loose.filter((each) => !this.sent.has(each.key)).map((each) => each.text);
    storage.write(this.draftKey, [...unsent, this.text.value].filter((each) => each.trim()).join("\n\n"));
  }

  tell() {
    if (!this.form.dataset.typing || !this.text.value.trim() || !navigator.onLine) return;
    const now = Date.now();
    if (now - this.typedAt < TYPING_EVERY) return;
    this.typedAt = now;
    const headers = { "X-Careline": "script", "X-Careline-Proof": this.proof };
    const body = new URLSearchParams({ proof: this.proof });
    if (this.form.elements.namedItem("visibility")?.value === "note") body.set("note", "1");
    fetch(this.form.dataset.typing, { method: "POST", headers, body }).catch(() => {});
  }

  get proof() { return this.form.elements.namedItem("proof")?.value ?? ""; }

  // ---- files ----

  choose(files) {
    const transfer = new DataTransfer();
    files.forEach((file) => transfer.items.add(file));
    this.chosen.files = transfer.files;
    this.wrongFiles();
    const list = this.form.querySelector(".chosen-files");
    list.hidden = files.length === 0;
    list.replaceChildren(...files.map((file, place) => {
      const item = element("li", "row", file.name);
      const remove = element("button", "bare small", this.words.remove);
      remove.type = "button";
      remove.setAttribute("aria-label", `${this.words.remove} ${file.name}`);
      remove.addEventListener("click", () => {
        this.choose([...this.chosen.files].filter((_, each) => each !== place));
        this.chosen.focus();
      });
      item.append(remove);
      return item;
    }));
  }

  wrongFiles() {
    const { mostFiles, fileBytes, allBytes } = this.form.dataset;
    const files = [...(this.chosen?.files ?? [])];
    const large = files.find((file) => file.size > Number(fileBytes));
    const all = files.reduce((sum, file) => sum + file.size, 0);
    let wrong = "";
    if (files.length > Number(mostFiles)) wrong = this.words.many;
    else if (large) wrong = this.words.large.replace("%(name)s", large.name);
    else if (all > Number(allBytes)) wrong = this.words.heavy;
    this.put("files-problem", wrong);
    return wrong;
  }

  // ---- sending ----

  submit() {
    if (!this.text.value.trim() && !this.chosen?.files.length) {
      this.complain(this.words.empty);
      this.text.focus();
      return;
    }
    if (this.wrongFiles()) {
      this.chosen.focus();
      return;
    }
    const files = [...(this.chosen?.files ?? [])];
    const data = new FormData(this.form);
    ["key", "proof", "files"].forEach((name) => data.delete(name));
    const item = { key: newKey(), fields: [...data.entries()], text: this.text.value, refused: "" };
    if (files.length) {
      this.files.set(item.key, files);
      this.loose.push(item);
    } else {
      this.change((items) => [...items, item]);
    }
    this.text.value = "";
    this.keepDraft();
    if (this.chosen) this.choose([]);
    this.complain();
    this.form.dispatchEvent(new CustomEvent("careline:written", { bubbles: true }));
    this.show();
    this.flush();
  }

  get stored() { return storage.read(this.waitingKey) ?? []; }

  get items() { return [...this.stored, ...this.loose]; }

  change(how) { storage.write(this.waitingKey, how(this.stored)); }

  set(item, more) {
    this.loose = this.loose.map((each) => (each.key === item.key ? { ...each, ...more } : each));
    this.change((items) => items.map((each) => (each.key === item.key ? { ...each, ...more } : each)));
    this.show();
  }

  drop(item) {
    this.loose = this.loose.filter((each) => each.key !== item.key);
    this.change((items) => items.filter((each) => each.key !== item.key));
    this.files.delete(item.key);
    this.keepDraft();
    this.show();
  }

  async flush() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    try {
      for (;;) {
        const item = this.items.find((each) => !each.refused && !this.sent.has(each.key));
        if (!item) break;
        const answer = await this.post(item);
        if (PASSING.has(answer.status)) {
          this.timer = setTimeout(() => this.flush(), this.wait);
          this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
          break;
        }
        this.wait = FIRST_WAIT;
        if (answer.status < 300) this.taken(item, answer.id);
        else this.set(item, { refused: answer.detail || this.words.failed, anyway: answer.anyway, isOut: answer.status === 401 });
      }
    } finally {
      this.busy = false;
    }
    this.show();
  }

  post(item) {
    const data = new FormData();
    data.append("proof", this.proof);
    data.append("key", item.key);
    item.fields.forEach(([name, value]) => data.append(name, value));
    (this.files.get(item.key) ?? []).forEach((file) => data.append("files", file));
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("POST", this.form.action);
      request.setRequestHeader("X-Careline", "script");
      request.timeout = 120000;
      request.upload.addEventListener("progress", (event) => this.progress(item, event));
      request.addEventListener("loadend", () => {
        let said = {};
        try { said = JSON.parse(request.responseText); } catch { /* no document */ }
        const id = request.getResponseHeader("X-Careline-Message");
        resolve({ status: request.status, detail: said.detail ?? "", anyway: said.anyway, id });
      });
      this.underWay = item.key;
      this.show();
      request.send(data);
    }).finally(() => { this.underWay = null; });
  }

  progress(item, event) {
    const bar = document.querySelector(`#waiting [data-key="${item.key}"] progress`);
    if (bar && event.lengthComputable) bar.value = event.loaded / event.total;
  }

  taken(item, id) {
    this.sent.set(item.key, id);
    this.keepDraft();
    this.say(this.words.sent);
    const gone = () => {
      if (!this.sent.has(item.key)) return;
      this.drop(item);
      this.sent.delete(item.key);
    };
    // It is shown until the same message has come into the list, live or by asking for the page.
    if (!id || document.getElementById(`message-${id}`)) return gone();
    const list = document.getElementById("messages");
    const seen = new MutationObserver(() => {
      if (document.getElementById(`message-${id}`)) { seen.disconnect(); gone(); }
    });
    seen.observe(list, { childList: true });
    setTimeout(async () => {
      if (!document.getElementById(`message-${id}`)) await lookAgain();
      seen.disconnect();
      gone();
    }, 1500);
  }

  // ---- showing ----

  show() {
    const list = document.getElementById("waiting");
    if (!list) return;
    const items = this.items;
    const known = new Map([...list.children].map((each) => [each.dataset.key, each]));
    const shown = items.map((item) => this.bubble(item, known.get(item.key)));
    list.replaceChildren(...shown);
    list.hidden = items.length === 0;
  }

  bubble(item, before) {
    const state = this.state(item);
    if (before && before.dataset.state === state) return before;
    const made = element("li", "message customer own waiting");
    made.dataset.key = item.key;
    made.dataset.state = state;
    const head = element("p", "message-head");
    head.append(element("span", "author", this.words.you));
    const files = this.files.get(item.key) ?? [];
    made.append(head, element("div", "message-text", item.text));
    if (files.length) {
      const names = element("ul", "message-files");
      names.append(...files.map((file) => element("li", "quiet", file.name)));
      made.append(names);
    }
    made.append(...this.standing(item, state, files));
    return made;
  }

  state(item) {
    if (item.refused) return `refused ${item.refused}`;
    if (this.sent.has(item.key)) return "sent";
    if (this.underWay === item.key) return "sending";
    return navigator.onLine ? "waiting" : "offline";
  }

  standing(item, state, files) {
    if (item.refused) return this.refusal(item);
    const said = element("p", "hint", this.words[state]);
    if (state === "sending" && files.length) {
      const bar = element("progress");
      bar.max = 1;
      bar.value = 0;
      bar.setAttribute("aria-label", this.words.sending);
      return [said, bar];
    }
    return files.length && state !== "sent" ? [said, element("p", "hint", this.words.open)] : [said];
  }

  refusal(item) {
    const said = element("p", "error", `${this.words.refused} ${item.refused}`);
    said.setAttribute("role", "alert");
    const buttons = element("p", "buttons");
    const button = (words, className, act) => {
      const made = element("button", className, words);
      made.type = "button";
      made.addEventListener("click", act);
      buttons.append(made);
    };
    // A refusal may say by which field it is taken all the same.
    const { anyway } = item;
    const fields = anyway ? [...item.fields, [anyway.field, "1"]] : item.fields;
    if (item.isOut) {
      const link = element("a", "button small", this.words.sign_in);
      link.href = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
      buttons.append(link);
    }
    button(anyway?.words ?? this.words.again, "small", () => {
      this.set(item, { refused: "", anyway: null, isOut: false, fields });
      this.flush();
    });
    button(this.words.edit, "plain small", () => this.takeBack(item));
    button(this.words.drop, "plain small", () => { this.drop(item); this.text.focus(); });
    return [said, buttons];
  }

  takeBack(item) {
    const files = this.files.get(item.key) ?? [];
    this.text.value = [this.text.value, item.text].filter(Boolean).join("\n\n");
    this.drop(item);
    if (files.length) this.choose(files);
    this.text.focus();
  }

  complain(wrong = "") {
    this.put("composer-problem", wrong);
    this.text.toggleAttribute("aria-invalid", Boolean(wrong));
  }

  put(id, words) {
    const place = document.getElementById(id);
    if (!place) return;
    place.textContent = words;
    place.hidden = !words;
  }

  say(words) {
    const place = document.getElementById("composer-said");
    if (place) place.textContent = words;
  }
}

// Where no live connection brings what is new, the page itself is asked for it.
async function lookAgain() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const list = document.getElementById("messages");
    page.querySelectorAll("#messages > li").forEach((each) => {
      if (!document.getElementById(each.id)) list.append(document.importNode(each, true));
    });
  } catch { /* away: it is there when the page is opened anew */ }
}

const bind = () => document.querySelectorAll("form[data-composer]:not([data-bound])").forEach((form) => {
  form.dataset.bound = "";
  new Composer(form);
});
bind();
// A thread that is opened again gets its composer back.
new MutationObserver(bind).observe(document.body, { childList: true, subtree: true });
