import { richText } from "/page/richtext.js";

// How large a lone picture is shown, and how far a small one is enlarged.
const [TALLEST_PX, WIDEST_PX, ENLARGED_MAX] = [460, 400, 2];

// One bubble: a message, or the messages of an album. Redrawn part by part, so that an edit never flickers.
export class Bubble {
  // `deeds`: press(message, button, element), command(text), enlarge(url), menu(message, x, y), find(messageId), speaker()
  constructor(deeds) {
    this.deeds = deeds;
    this.messages = new Map();
    this.drawn = {};
    this.root = make("article", "bubble");
    this.parts = {};
    for (const name of ["sender", "forwarded", "reply", "tiles", "files", "invoice", "payment", "text"]) {
      this.parts[name] = make("div", name);
    }
    this.parts.text.dir = "auto";
    this.foot = make("div", "foot");
    this.body = make("div", "body", ...Object.values(this.parts), this.foot);
    this.keys = make("div", "keys");
    this.more = make("button", "more", "⋯");
    this.more.setAttribute("aria-label", "Message menu");
    this.root.append(this.body, this.more, this.keys);
    this.more.addEventListener("click", (event) => this.openMenu(event));
    this.body.addEventListener("contextmenu", (event) => this.openMenu(event));
  }

  get first() {
    return [...this.messages.values()].sort((a, b) => a.id - b.id)[0];
  }

  openMenu(event) {
    event.preventDefault();
    event.stopPropagation();
    this.deeds.menu(this.first, event.clientX, event.clientY);
  }

  put(message) {
    this.messages.set(message.id, message);
  }

  drop(messageId) {
    this.messages.delete(messageId);
    return this.messages.size === 0;
  }

  draw(words, { mine, showSender, languageCode }) {
    const messages = [...this.messages.values()].sort((a, b) => a.id - b.id);
    const first = messages[0];
    const captioned = messages.find((message) => message.text) || first;
    this.root.dataset.id = String(first.id);
    this.root.classList.toggle("mine", mine);
    this.root.classList.toggle("bot", first.from_bot);
    this.root.classList.toggle("pictured", messages.some((message) => message.photo));
    this.root.classList.toggle("protected", first.protected);
    this.part("sender", showSender && first.sender_name, (name) => [name]);
    this.part("forwarded", first.forwarded_from, (name) => [`${words.forwarded} ${name}`]);
    this.part("reply", first.reply_to && quote(this.deeds.find(first.reply_to), words), (text) => [text]);
    this.drawTiles(messages.filter((message) => message.photo));
    this.part("files", messages.map((message) => message.document).filter(Boolean), (files) => files.map(fileCard));
    this.part("invoice", first.invoice, ({ title, description, stars }) => [
      make("b", "", title),
      make("span", "", description),
      make("small", "", words.stars(stars)),
    ]);
    this.part("payment", first.payment, ({ stars, refunded }) => [(refunded ? words.refunded : words.paid)(words.stars(stars))]);
    this.part("text", captioned.text && [captioned.text, captioned.entities], ([text, entities]) => [
      richText(text, entities, this.deeds.command),
    ]);
    this.drawFoot(messages, words, languageCode);
    this.drawKeys(first);
  }

  // Replaces a part only when what it shows has changed.
  part(name, shown, nodes) {
    const empty = !shown || shown.length === 0;
    const signature = empty ? "" : JSON.stringify(shown);
    if (this.drawn[name] === signature) return;
    this.drawn[name] = signature;
    this.parts[name].hidden = empty;
    this.parts[name].replaceChildren(...(empty ? [] : nodes(shown)));
  }

  drawTiles(messages) {
    const tiles = this.parts.tiles;
    tiles.hidden = messages.length === 0;
    tiles.dataset.count = String(messages.length);
    while (tiles.children.length > messages.length) tiles.lastChild.remove();
    messages.forEach(({ photo }, index) => {
      const tile = tiles.children[index] || tiles.appendChild(this.tile());
      if (tile.dataset.url === photo.url) return;
      tile.dataset.url = photo.url;
      const scale = Math.min(TALLEST_PX / photo.height, WIDEST_PX / photo.width, ENLARGED_MAX);
      tile.firstChild.style.width = `${Math.round(photo.width * scale)}px`;
      tile.firstChild.style.aspectRatio = `${photo.width} / ${photo.height}`;
      showPicture(tile.firstChild, photo, () => tile.dataset.url === photo.url);
    });
  }

  tile() {
    const image = make("img", "");
    const tile = make("button", "tile", image);
    tile.addEventListener("click", () => this.deeds.enlarge(tile.dataset.url));
    return tile;
  }

  drawFoot(messages, words, languageCode) {
    const first = messages[0];
    const edited = messages.some((message) => message.edited_at);
    const time = new Date(first.sent_at * 1000).toLocaleTimeString(languageCode, { hour: "2-digit", minute: "2-digit" });
    const label = edited ? `${words.edited} ${time}` : time;
    if (this.foot.textContent !== label) this.foot.textContent = label;
    const edits = messages.reduce((sum, message) => sum + message.edit_count, 0);
    this.foot.title = `${new Date(first.sent_at * 1000).toLocaleString()}${edits ? ` · ×${edits}` : ""}`;
  }

  drawKeys(message) {
    const signature = JSON.stringify(message.buttons);
    if (this.drawn.keys === signature) return;
    this.drawn.keys = signature;
    const rows = message.buttons.map((row) => make("div", "row", ...row.map((button) => this.key(message, button))));
    this.keys.replaceChildren(...rows);
  }

  key(message, button) {
    const mark = button.url ? " ↗" : button.copy_text ? " ⧉" : "";
    const key = make("button", "key", button.text + mark);
    key.addEventListener("click", () => this.deeds.press(message, button, key));
    return key;
  }
}

// The old picture stays until the new one is decoded.
async function showPicture(image, photo, stillWanted) {
  const next = new Image();
  next.src = photo.url;
  if (!image.src) {
    image.src = photo.thumbnail_url;
    image.classList.add("loading");
  }
  await next.decode().catch(() => undefined);
  if (!stillWanted()) return;
  image.src = photo.url;
  image.classList.remove("loading");
}

function fileCard(file) {
  const card = make("a", "file");
  card.href = file.url;
  card.download = file.name;
  if (file.thumbnail_url) {
    const image = make("img", "");
    image.src = file.thumbnail_url;
    image.alt = "";
    card.append(image);
  } else card.append(make("span", "sheet", (file.name.split(".").pop() || "").slice(0, 4)));
  card.append(make("span", "label", make("b", "", file.name), make("small", "", size(file.size))));
  return card;
}

function quote(message, words) {
  if (!message) return "…";
  return `${message.sender_name}: ${message.text || words.photo}`.slice(0, 120);
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}
