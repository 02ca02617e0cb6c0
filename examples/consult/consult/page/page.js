// The page speaks the protocol of integration.go: a hello, then JSON objects both
// ways. What people typed only ever becomes textContent.

const $ = (id) => document.getElementById(id);
const form = $("join"), log = $("log"), text = $("text");
const other = { dietitian: "client", client: "dietitian" };
const names = { dietitian: "Dana", client: "Carl" }; // suggestions

const comeBack = [1001, 1006, 1012, 1013]; // after these a client returns by itself: core/close.go
const failures = { // of the application, in words
  "Bad password": () => "That password is not right.",
  "Too many users": () => `Somebody else is the ${me.role} in this room. Take the other role, or another room.`,
  "The room is empty": () => `The ${other[me.role]} had just left, so your message reached nobody.`,
};
const codes = { // close codes, in words
  1000: "The conversation is over.",
  1001: "The server is going away. Try again in a moment.",
  1006: "That instance cannot be reached. Is it running?",
  1008: "The server refused the connection.",
  1009: "That message was too long.",
  1011: "Something broke on the server. Try again later.",
  1012: "The server asks to join again.",
  1013: "The server cannot reach its store. Try again in a moment.",
};

let ports = [];          // of the instances, in order
let me = null;           // {user, room, role, auth, instance}: what the form said
let socket = null;
let open = false;        // we have our seat
let entered = false;     // we had it once, since the form
let peer = null;         // the other one: {name}, name "" if unknown; null: nobody is there
let farewell = "";       // why the server is about to close; it is final
let remark = "";         // what else the server complained about
let tries = 0, timer = 0;
let count = 0;
const unsettled = new Map(); // id of a message on its way → where its state is shown

function connect() {
  clearTimeout(timer);
  timer = 0;
  farewell = remark = "";
  socket?.close();
  notice(entered ? "Trying again…" : "");
  $("enter").disabled = true;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const ws = socket = new WebSocket(`${scheme}://${location.hostname}:${ports[me.instance - 1]}/consult`);
  ws.onopen = () => ws.send(JSON.stringify({ auth: me.auth, user: me.user, room: me.room, role: me.role }));
  ws.onmessage = (e) => { if (ws === socket) heard(JSON.parse(e.data)); };
  ws.onclose = (e) => { if (ws === socket) closed(e.code, e.reason); };
}

function heard(m) {
  if (m.id === "auth" && m.success && !open) return joined(m);
  if (["auth", "transfer", "comm"].includes(m.id) && m.errors) return failed(m);
  if (m.id === "participantChange") return changed(m.status);
  if (m.id === "disconnectOnNewConnectionTrumpsOldConnection") {
    farewell = "You signed in elsewhere, so this tab was signed out.";
    return;
  }
  if (unsettled.has(m.id) && m.success) return settle(m.id, "✓ sent");
  if (typeof m.from === "string" && peer) peer.name = m.from;
  line("theirs", typeof m.text === "string" ? m.text : JSON.stringify(m));
  render();
}

function failed(m) {
  const why = Object.values(m.errors)[0];
  if (m["error-code"] >= 1000) remark = why; // est's own failure: the close code says whether to come back
  else farewell = failures[why]?.() ?? why;
}

function joined(m) {
  const seat = m.state[other[me.role]];
  peer = seat ? { name: seat["user-id"] } : null;
  if (!entered) log.replaceChildren();
  line("event", entered ? "You are back." : `You joined as the ${me.role}.`);
  line("event", peer ? `${title()} is here.` : `The ${other[me.role]} is not here yet.`);
  open = entered = true;
  tries = 0;
  notice("");
  document.title = `${me.room} · Consult`;
  document.body.dataset.view = "room";
  render();
  text.focus();
}

function changed(status) {
  if (status === "disconnect") {
    line("event", `${title()} went out.`);
    peer = null;
  } else {
    peer = { name: peer?.name ?? "" };
    line("event", `${title()} came in${status === "reconnect" ? " again" : ""}.`);
  }
  render();
}

function closed(code, reason) {
  socket = null;
  open = false;
  $("enter").disabled = false;
  for (const id of [...unsettled.keys()]) settle(id, farewell ? "not delivered" : "not confirmed");
  if (!farewell && entered && comeBack.includes(code)) {
    const asked = /come back in (\d+) ms/.exec(reason); // by a server that goes away
    const wait = asked ? Number(asked[1]) : Math.min(30_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
    tries++;
    timer = setTimeout(connect, wait);
    notice(`The connection was lost. Trying again in ${Math.ceil(wait / 1000)} s.`, "Try now");
  } else {
    notice(farewell || remark || codes[code] || `The connection was closed with code ${code}.`, entered && "Join again");
  }
  render();
}

// title is what to call the other one at the beginning of a sentence.
function title() {
  return peer?.name ? `${peer.name}, the ${other[me.role]},` : `The ${other[me.role]}`;
}

function line(kind, words) {
  const li = document.createElement("li");
  li.className = kind;
  li.textContent = words;
  log.append(li);
  toEnd();
  return li;
}

function toEnd() { log.scrollTop = log.scrollHeight; }

function settle(id, words) {
  unsettled.get(id).textContent = words;
  unsettled.delete(id);
}

function notice(words, action) {
  $("notice").hidden = !words;
  $("notice-text").textContent = words;
  $("again").hidden = !action;
  $("again").textContent = action || "";
}

function render() {
  $("room-name").textContent = me.room;
  $("where").textContent = `on instance ${me.instance}, port ${ports[me.instance - 1]}`;
  sit(me.role, open ? `${me.user} (you)` : "");
  sit(other[me.role], open && peer ? peer.name || "here" : "");
  $("send").disabled = !open || !peer;
  text.placeholder = !open ? "Not connected" : peer ? "Write a message" : `Wait for the ${other[me.role]}`;
}

function sit(role, who) {
  $(role).classList.toggle("taken", who !== "");
  $(role).querySelector("span").textContent = who || (open ? "free" : "–");
}

form.onsubmit = (e) => {
  e.preventDefault();
  me = Object.fromEntries(new FormData(form));
  const { auth, ...rest } = me;
  history.replaceState(null, "", "?" + new URLSearchParams(rest)); // a reload finds the form as it was
  const next = Number(me.instance) % ports.length + 1;
  $("second").href = "?" + new URLSearchParams({ room: me.room, role: other[me.role], instance: next });
  $("second").textContent = `Open a tab for the ${other[me.role]} on instance ${next}`;
  connect();
};

form.onchange = (e) => {
  if (e.target.name === "role" && Object.values(names).includes(form.elements.user.value)) form.elements.user.value = names[e.target.value];
};

$("composer").onsubmit = (e) => {
  e.preventDefault();
  const words = text.value.trim();
  if (!open || !peer || !words) return;
  const id = `m${++count}`;
  socket.send(JSON.stringify({ id, from: me.user, text: words }));
  const state = document.createElement("small");
  state.textContent = "sending…";
  unsettled.set(id, state);
  line("mine", words).append(state);
  text.value = "";
  text.focus();
};

$("again").onclick = connect;

$("leave").onclick = () => {
  clearTimeout(timer);
  timer = 0;
  const ws = socket;
  socket = null;
  ws?.close(1000);
  open = entered = false;
  unsettled.clear();
  $("enter").disabled = false;
  notice("");
  document.title = "Consult";
  document.body.dataset.view = "form";
};

new ResizeObserver(toEnd).observe(log); // a notice or a keyboard has come up
addEventListener("online", () => { if (timer) connect(); });

// The form is of use once it is known which instances there are.
async function prepare() {
  ports = await (await fetch("instances")).json();
  $("instances").replaceChildren(...ports.map((port, i) => {
    const label = document.createElement("label"), input = document.createElement("input");
    const name = document.createElement("span"), where = document.createElement("small");
    Object.assign(input, { type: "radio", name: "instance", required: true, value: i + 1, checked: port === Number(location.port || 80) });
    where.textContent = `port ${port}`;
    name.append(`Instance ${i + 1}`, where);
    label.append(input, name);
    return label;
  }));
  const asked = new URLSearchParams(location.search);
  if (asked.has("role")) form.elements.user.value = names[asked.get("role")] ?? "";
  for (const key of ["user", "room", "role", "instance"]) if (asked.get(key)) form.elements[key].value = asked.get(key);
  $("enter").disabled = false;
}

prepare().catch(() => notice("The server did not say which instances there are. Reload the page."));
