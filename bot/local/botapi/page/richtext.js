// Text and entities to DOM nodes. Nothing is ever parsed as HTML, and links only lead to web addresses.

const TAGS = {
  bold: "b",
  italic: "i",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
};

export function richText(text, entities, onCommand) {
  const fragment = document.createDocumentFragment();
  append(fragment, text, [...entities], 0, text.length, onCommand);
  return fragment;
}

// Entities come sorted by offset, outer before inner; offsets are UTF-16, as in JavaScript strings.
function append(parent, text, entities, from, to, onCommand) {
  let position = from;
  while (entities.length && entities[0].offset < to) {
    const entity = entities.shift();
    const start = Math.max(entity.offset, position);
    const end = Math.min(entity.offset + entity.length, to);
    if (start >= end) continue;
    parent.append(text.slice(position, start));
    const node = element(entity, text.slice(start, end), onCommand);
    append(node, text, entities, start, end, onCommand);
    parent.append(node);
    position = end;
  }
  parent.append(text.slice(position, to));
}

function element(entity, text, onCommand) {
  if (entity.type === "text_link" || entity.type === "url") return link(entity.url || text);
  if (entity.type === "bot_command") {
    const command = document.createElement("a");
    command.className = "command";
    command.href = "#";
    command.addEventListener("click", (event) => {
      event.preventDefault();
      onCommand(text);
    });
    return command;
  }
  if (entity.type === "spoiler") {
    const spoiler = document.createElement("span");
    spoiler.className = "spoiler";
    spoiler.addEventListener("click", () => spoiler.classList.add("open"));
    return spoiler;
  }
  return document.createElement(TAGS[entity.type] || "span");
}

export function link(address) {
  const anchor = document.createElement("a");
  if (/^(https?|tg):/i.test(address)) {
    anchor.href = address;
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
  }
  return anchor;
}
