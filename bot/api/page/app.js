/* Three tabs: the user's pictures, the styles as pictures, the user's photos. */

import { put, read, remove, show } from "./server.js";
import { followTheme, tell } from "./telegram.js";

const by = (id) => document.getElementById(id);
const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
const TABS = { pictures: "🖼", styles: "🎨", photos: "👤" };
const state = { home: null, favourites: false, person: "", next: null, open: "pictures" };
const words = (key) => state.home.texts[key];

function notify(text) {
  by("notice").textContent = text;
  by("notice").hidden = !text;
}

function guarded(act) {
  return async (...given) => {
    try {
      notify("");
      await act(...given);
    } catch {
      notify(words("failed"));
    }
  };
}

function image(path) {
  const frame = make("span", "frame");
  const picture = Object.assign(document.createElement("img"), { alt: "" });
  frame.append(picture);
  show(picture, path);
  return frame;
}

const open = guarded(async (name) => {
  state.open = name;
  for (const tab of by("tabs").children) tab.toggleAttribute("aria-current", false);
  by(`tab-${name}`).setAttribute("aria-current", "page");
  for (const each of Object.keys(TABS)) by(each).hidden = each !== name;
  by("view").scrollTop = 0;
  await { pictures: () => loadPictures(true), styles: showStyles, photos: loadPhotos }[name]();
});

async function loadPictures(afresh) {
  const query = new URLSearchParams({ favourites: state.favourites, limit: 12 });
  if (state.person) query.set("person", state.person);
  if (!afresh && state.next) query.set("cursor", state.next);
  const { favourites, person } = state;
  const page = await read(`pictures?${query}`);
  if (state.favourites !== favourites || state.person !== person) return; // another choice was made meanwhile
  state.next = page.next;
  if (afresh) by("picture-tiles").replaceChildren();
  by("picture-tiles").append(...page.items.map(pictureTile));
  by("more").hidden = page.next === null;
  by("all").setAttribute("aria-pressed", !state.favourites);
  by("favourites").setAttribute("aria-pressed", state.favourites);
  for (const each of by("people").children) each.setAttribute("aria-pressed", each.value === state.person);
  const none = state.favourites ? "no-favourites" : state.person ? "no-pictures-of" : "no-pictures";
  if (!by("picture-tiles").children.length) notify(words(none));
}

function showPeople() {
  const everybody = { id: "", name: words("everybody") };
  by("people").hidden = state.home.people.length < 2;
  by("people").replaceChildren(
    ...[everybody, ...state.home.people].map((person) => {
      const button = Object.assign(make("button", "", person.name), { value: person.id });
      button.addEventListener("click", guarded(() => turn({ person: person.id })));
      return button;
    }),
  );
}

function pictureTile(picture) {
  const tile = make("button", "tile");
  tile.setAttribute("aria-label", picture.prompt);
  const star = make("span", "star", "★");
  star.hidden = !picture.favourite;
  tile.append(image(`pictures/${picture.id}/image?small=true`), star);
  tile.addEventListener("click", () => view(picture, star));
  return tile;
}

function view(picture, star) {
  const mark = () => {
    by("favourite").textContent = `${picture.favourite ? "★" : "☆"} ${words("favourite")}`;
    by("favourite").setAttribute("aria-pressed", picture.favourite);
    star.hidden = !picture.favourite;
  };
  by("full").hidden = false;
  by("full").removeAttribute("src");
  show(by("full"), `pictures/${picture.id}/image`);
  by("about").textContent = `${picture.style}\n${picture.prompt}`;
  by("seed").textContent = `${words("seed")} ${picture.seed}`;
  by("favourite").onclick = guarded(async () => {
    await put(`pictures/${picture.id}/favourite`, { favourite: !picture.favourite });
    picture.favourite = !picture.favourite;
    mark();
  });
  by("delete-picture").onclick = guarded(async () => {
    if (!(await confirmed(words("delete-picture-ask")))) return;
    by("viewer").close();
    await remove(`pictures/${picture.id}`);
    star.parentElement.remove();
    if (!by("picture-tiles").children.length) await loadPictures(true);
  });
  mark();
  by("viewer").showModal();
}

function showStyles() {
  by("style-tiles").replaceChildren(
    ...state.home.styles.map((style) => {
      const chosen = style.name === state.home.style;
      const tile = make("button", "tile");
      tile.setAttribute("aria-pressed", chosen);
      const frame = make("span", "frame", style.picture ? "" : style.emoji);
      if (style.picture) frame.append(Object.assign(document.createElement("img"), { src: style.picture, alt: "" }));
      const caption = make("span", "caption", `${style.emoji} ${style.title}`);
      caption.append(make("small", "", chosen ? `✓ ${words("chosen")}` : ""));
      tile.append(frame, caption);
      tile.addEventListener("click", guarded(() => chooseStyle(style.name)));
      return tile;
    }),
  );
}

async function chooseStyle(name) {
  await put("style", { name });
  state.home.style = name;
  showStyles();
}

async function loadPhotos() {
  const photos = await read("photos");
  by("photo-tiles").replaceChildren(...photos.map(photoTile));
  by("add-photo").hidden = !photos.length;
  if (!photos.length) notify(words("no-photos"));
}

function photoTile(photo) {
  const tile = make("div", "tile");
  tile.append(image(`photos/${photo.id}/image`));
  if (!photo.is_accepted) tile.append(make("span", "pending", words("photo-pending")));
  const button = make("button", "remove", words("delete-photo"));
  button.addEventListener("click", guarded(async () => {
    if (!(await confirmed(words("delete-ask")))) return;
    await remove(`photos/${photo.id}`);
    await loadPhotos();
  }));
  tile.append(button);
  return tile;
}

function confirmed(question) {
  by("ask").textContent = question;
  by("question").returnValue = "";
  by("question").showModal();
  return new Promise((answer) => {
    by("question").onclose = () => answer(by("question").returnValue === "yes");
    by("yes").onclick = () => by("question").close("yes");
    by("no").onclick = () => by("question").close("no");
  });
}

function dress() {
  document.documentElement.lang = state.home.language;
  for (const [name, sign] of Object.entries(TABS)) {
    const tab = Object.assign(make("button", ""), { id: `tab-${name}` });
    tab.append(make("span", "", sign), words(name));
    tab.addEventListener("click", () => open(name));
    by("tabs").append(tab);
  }
  by("tabs").hidden = false;
  by("all").textContent = words("all");
  by("favourites").textContent = `★ ${words("favourites")}`;
  by("more").textContent = words("more");
  by("close").textContent = words("close");
  by("no").textContent = words("keep");
  by("yes").textContent = words("delete-photo");
  by("delete-picture").textContent = words("delete-photo");
  by("add-photo").textContent = words("add-photo");
  by("all").addEventListener("click", guarded(() => turn({ favourites: false })));
  by("favourites").addEventListener("click", guarded(() => turn({ favourites: true })));
  by("more").addEventListener("click", guarded(() => loadPictures(false)));
  by("close").addEventListener("click", () => by("viewer").close());
  showPeople();
  for (const dialog of document.querySelectorAll("dialog"))
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

async function turn(change) {
  Object.assign(state, change);
  await loadPictures(true);
}

followTheme();
tell("web_app_ready");
tell("web_app_expand");
try {
  state.home = await read("home");
  dress();
  await open("pictures");
} catch (error) {
  notify(error.problem === "urn:bolid:problem:start-first" ? error.message : "Open this page from the bot’s chat in Telegram. · Откройте эту страницу из чата с ботом в Telegram.");
}
