// The page: who is there, which chat is open, and what happens in it.

import { link } from "/page/richtext.js";
import { make } from "/page/bubble.js";
import { Composer } from "/page/composer.js";
import { server } from "/page/server.js";
import { Transcript } from "/page/transcript.js";
import { wordsFor } from "/page/words.js";

const ACTION_SHOWN_MS = 5000;
const TOAST_SHOWN_MS = 4000;
const $ = (selector) => document.querySelector(selector);

const known = { state: null, messages: new Map(), unread: new Map(), actions: new Map() };
let openId = null;

const deeds = { press, command: (text) => send({ text, files: [] }), enlarge, menu: showMenu, find: findMessage, speaker: () => speaker() };
const transcript = new Transcript($("#messages"), $("#newest"), deeds);
const composer = new Composer({ send, complain: toast });

const openChat = () => known.state.chats.find((chat) => chat.id === openId);
const userOf = (id) => known.state.users.find((user) => user.id === id);
const speaker = () => (openChat().kind === "group" ? Number($("#speaker").value) : openId);
const words = () => wordsFor(openId > 0 ? userOf(openId)?.language_code : navigator.language);

function messagesOf(chatId) {
  if (!known.messages.has(chatId)) known.messages.set(chatId, new Map());
  return known.messages.get(chatId);
}

function findMessage(messageId) {
  return messagesOf(openId).get(messageId);
}

// ---- news ----

server.news(
  // Also after a lost connection: whatever happened meanwhile is fetched anew.
  () => {
    $("#connection").hidden = true;
    known.messages.clear();
    refreshState()
      .then(() => (openId === null ? followAddress() : loadTranscript(openId)))
      .catch((error) => toast(error.message));
  },
  (event) => {
    if (event.type === "state") refreshState().catch((error) => toast(error.message));
    else if (event.type === "message") receive(event.message);
    else if (event.type === "action") showAction(event.chat_id, event.action);
  },
  () => {
    $("#connection").textContent = words().offline;
    $("#connection").hidden = false;
  },
);

async function refreshState() {
  known.state = await server.state();
  drawChats();
  if (openId !== null && openChat()) {
    drawHeader();
    composer.refresh(openChat().commands);
  }
}

function receive(message) {
  const messages = messagesOf(message.chat_id);
  const old = messages.get(message.id);
  if (old && old.seq >= message.seq) return;
  messages.set(message.id, message);
  if (message.from_bot) known.actions.delete(message.chat_id);
  const chat = known.state?.chats.find(({ id }) => id === message.chat_id);
  if (chat && !message.deleted && (!chat.last_message || chat.last_message.id <= message.id)) chat.last_message = message;
  if (message.chat_id === openId) {
    transcript.show(message);
    drawHeader();
    if (message.force_reply && !old && !message.deleted) composer.replyTo(message);
  } else if (!old && message.from_bot && !message.deleted) {
    known.unread.set(message.chat_id, (known.unread.get(message.chat_id) || 0) + 1);
  }
  if (known.state) drawChats();
}

function showAction(chatId, action) {
  const until = Date.now() + ACTION_SHOWN_MS;
  known.actions.set(chatId, { action, until });
  if (chatId === openId) drawHeader();
  setTimeout(() => {
    if (known.actions.get(chatId)?.until !== until) return;
    known.actions.delete(chatId);
    if (chatId === openId) drawHeader();
  }, ACTION_SHOWN_MS);
}

// ---- the sidebar ----

function drawChats() {
  const items = known.state.chats
    .slice()
    .sort((a, b) => (a.id < 0) - (b.id < 0) || a.id - b.id)
    .map(chatItem);
  $("#chats").replaceChildren(...items);
}

function chatItem(chat) {
  const user = userOf(chat.id);
  const last = chat.last_message;
  const preview = last ? `${last.from_bot ? "" : "↗ "}${last.text || last.invoice?.title || wordsFor(user?.language_code).photo}` : "…";
  const badge = user?.is_admin ? "admin" : user?.language_code || `${chat.member_ids.length}`;
  const unread = known.unread.get(chat.id);
  const avatar = make("span", "avatar", [...chat.title][0]);
  avatar.dataset.hue = String(Math.abs(chat.id) % 6);
  const item = make(
    "button",
    "chat",
    avatar,
    make("span", "name", make("b", "", chat.title), make("small", "badge", badge)),
    make("span", "preview", preview.slice(0, 60)),
  );
  if (unread) item.append(make("span", "unread", String(unread)));
  item.classList.toggle("open", chat.id === openId);
  item.dataset.chat = String(chat.id);
  item.addEventListener("click", () => {
    location.hash = String(chat.id);
  });
  return item;
}

// ---- the open chat ----

window.addEventListener("hashchange", followAddress);

async function followAddress() {
  const wanted = Number(location.hash.slice(1));
  const narrow = matchMedia("(max-width: 720px)").matches;
  const chat = known.state.chats.find(({ id }) => id === wanted) || (narrow ? null : known.state.chats.find(({ id }) => id > 0));
  document.body.classList.toggle("in-chat", Boolean(chat));
  $("main").hidden = !chat;
  openId = chat ? chat.id : null;
  drawChats();
  if (!chat) return;
  known.unread.delete(chat.id);
  drawSpeakers(chat);
  drawHeader();
  composer.open(words(), chat.commands);
  openTranscript();
  await loadTranscript(chat.id);
  if (!narrow) composer.text.focus();
}

async function loadTranscript(chatId) {
  const { messages, seq } = await server.transcript(chatId);
  if (chatId !== openId) return;
  const newer = [...messagesOf(chatId).values()].filter((message) => message.seq > seq);
  const kept = new Map([...messages, ...newer].map((message) => [message.id, message]));
  known.messages.set(chatId, kept);
  openTranscript();
  for (const id of [...kept.keys()].sort((a, b) => a - b)) transcript.show(kept.get(id));
  drawChats();
}

function openTranscript() {
  const chat = openChat();
  transcript.open(words(), chat.kind === "group", userOf(openId)?.language_code, chat.about);
}

function drawSpeakers(chat) {
  const options = chat.member_ids.map((id) => new Option(userOf(id).first_name, String(id)));
  $("#speaker").replaceChildren(...options);
  $("#speaker-label").hidden = chat.kind !== "group";
}

function drawHeader() {
  const chat = openChat();
  const say = words();
  const action = known.actions.get(chat.id);
  $("#title").textContent = chat.kind === "group" ? chat.title : known.state.bot.name;
  const idle = chat.kind === "group" ? say.members(chat.member_ids.length) : say.bot;
  const doing = action && `${known.state.bot.name} ${say.actions[action.action] || say.working}`;
  $("#status").textContent = chat.blocked ? say.blocked : doing || idle;
  $("#status").classList.toggle("lively", Boolean(action));
  $("#speaker-label span").textContent = say.speaker;
  $("#block").hidden = chat.kind === "group" || chat.blocked || !chat.started;
  $("#block").textContent = say.block;
  const asleep = chat.blocked || !chat.started;
  $("#composer").hidden = asleep;
  $("#begin").hidden = !asleep;
  $("#begin").textContent = chat.blocked ? say.unblock : say.start;
  document.title = `${chat.title} · BoLID`;
}

$("#speaker").addEventListener("change", () => transcript.redraw());
$("#back").addEventListener("click", () => {
  location.hash = "";
});
$("#block").addEventListener("click", () => attempt(() => server.block(openId, true)));
$("#begin").addEventListener("click", () =>
  attempt(() => (openChat().blocked ? server.block(openId, false) : server.say(openId, openId, "/start"))),
);

// ---- deeds ----

async function attempt(deed) {
  try {
    const result = await deed();
    for (const message of result.messages || []) receive(message);
    return result;
  } catch (error) {
    toast(error.message);
    return null;
  }
}

async function send({ text, files, asFile, replyTo, editing }) {
  const [chatId, userId] = [openId, speaker()];
  transcript.followed = true;
  const result = await attempt(() => {
    if (editing) return server.edit(chatId, userId, editing, text);
    if (files.length) return server.sendFiles(chatId, userId, files, text, asFile);
    return server.say(chatId, userId, text, replyTo);
  });
  return result !== null;
}

async function press(message, button, key) {
  if (button.url) {
    link(button.url).click();
    return;
  }
  if (button.copy_text) {
    await navigator.clipboard.writeText(button.copy_text).catch(() => undefined);
    toast(words().copied);
    return;
  }
  key.classList.add("busy");
  if (button.pay) {
    const payment = await attempt(() => server.pay(message.chat_id, speaker(), message.id));
    key.classList.remove("busy");
    if (payment && !payment.answered) toast(words().silent);
    else if (payment && !payment.ok) alertWith(payment.error_message);
    return;
  }
  const answer = await attempt(() => server.press(message.chat_id, speaker(), message.id, button.data));
  key.classList.remove("busy");
  if (!answer) return;
  if (!answer.answered) toast(words().silent);
  else if (answer.show_alert) alertWith(answer.text);
  else if (answer.text) toast(answer.text);
  if (answer.url) link(answer.url).click();
}

function showMenu(message, x, y) {
  const say = words();
  const mine = message.sender_id === speaker();
  const choices = [[say.reply, () => composer.replyTo(message)]];
  if (mine && !message.forwarded_from) choices.push([say.edit, () => composer.edit(message)]);
  const forward = () => attempt(() => server.forward(speaker(), speaker(), openId, message.id));
  if (!message.protected) choices.push([say.forward, forward]);
  if (mine || openId > 0) choices.push([say.remove, () => attempt(() => server.remove(openId, speaker(), message.id))]);
  const items = choices.map(([label, deed]) => {
    const item = make("button", "", label);
    item.setAttribute("role", "menuitem");
    item.addEventListener("click", deed);
    return item;
  });
  const menu = $("#menu");
  menu.replaceChildren(...items);
  menu.hidden = false;
  menu.style.left = `${Math.min(x, innerWidth - menu.offsetWidth - 8)}px`;
  menu.style.top = `${Math.min(y, innerHeight - menu.offsetHeight - 8)}px`;
}
document.addEventListener("click", () => {
  $("#menu").hidden = true;
});

function enlarge(url) {
  $("#viewer img").src = url;
  $("#viewer").showModal();
}
$("#viewer").addEventListener("click", () => $("#viewer").close());

function alertWith(text) {
  $("#alert p").textContent = text;
  $("#alert").showModal();
}

let toastTimer = 0;
function toast(text) {
  clearTimeout(toastTimer);
  $("#toast").textContent = text;
  $("#toast").hidden = false;
  toastTimer = setTimeout(() => {
    $("#toast").hidden = true;
  }, TOAST_SHOWN_MS);
}

// ---- dropping files anywhere on the page ----

let dragDepth = 0;
const bringsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files") && openId !== null;
document.addEventListener("dragenter", (event) => {
  if (!bringsFiles(event)) return;
  dragDepth += 1;
  $("#drop p").textContent = words().drop;
  $("#drop").hidden = false;
});
document.addEventListener("dragleave", () => {
  dragDepth = Math.max(dragDepth - 1, 0);
  if (!dragDepth) $("#drop").hidden = true;
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  dragDepth = 0;
  $("#drop").hidden = true;
  if (bringsFiles(event) && !$("#composer").hidden) composer.add([...event.dataTransfer.files]);
});
