// The list of bubbles of the open chat: days, albums, scrolling.

import { Bubble, make } from "/page/bubble.js";

const NEAR_BOTTOM_PX = 120;

export class Transcript {
  constructor(list, newest, deeds) {
    this.list = list;
    this.newest = newest;
    this.deeds = deeds;
    this.bubbles = new Map();
    newest.addEventListener("click", () => this.toBottom("smooth"));
    // Pictures that load, and edits that grow, must not push the newest message out of sight: only scrolling up does.
    this.followed = true;
    this.top = 0;
    new ResizeObserver(() => this.followed && this.toBottom()).observe(list);
    list.addEventListener("load", () => this.followed && this.toBottom(), true);
    list.addEventListener("scroll", () => this.scrolled());
  }

  scrolled() {
    const near = this.nearBottom();
    if (near) this.followed = true;
    else if (this.list.scrollTop < this.top - 1) this.followed = false;
    this.top = this.list.scrollTop;
    this.newest.hidden = near || this.followed;
  }

  open(words, group, languageCode, about) {
    this.words = words;
    this.about = about;
    this.group = group;
    this.languageCode = languageCode;
    this.bubbles.clear();
    this.list.replaceChildren(this.hint());
    this.followed = true;
  }

  // As in Telegram, an empty chat shows the bot's description.
  hint() {
    return make("p", this.about ? "hint about" : "hint", this.about || this.words.nothing);
  }

  show(message) {
    const key = message.media_group_id ? `album ${message.media_group_id}` : `message ${message.id}`;
    const bubble = this.bubbles.get(key);
    if (message.deleted) {
      if (bubble && bubble.drop(message.id)) {
        bubble.root.remove();
        this.bubbles.delete(key);
        this.tidyDays();
      } else if (bubble) this.draw(bubble);
      return;
    }
    const followed = this.followed;
    const shown = bubble || this.add(key, message);
    shown.put(message);
    this.draw(shown);
    if (followed) this.toBottom();
    else if (!bubble) this.newest.hidden = false;
  }

  draw(bubble) {
    bubble.draw(this.words, {
      mine: bubble.first.sender_id === this.deeds.speaker(),
      showSender: this.group && bubble.first.sender_id !== this.deeds.speaker(),
      languageCode: this.languageCode,
    });
  }

  redraw() {
    for (const bubble of this.bubbles.values()) this.draw(bubble);
  }

  add(key, message) {
    this.list.querySelector(".hint")?.remove();
    const bubble = new Bubble(this.deeds);
    this.bubbles.set(key, bubble);
    const day = new Date(message.sent_at * 1000).toDateString();
    if (this.list.dataset.day !== day || !this.list.querySelector(".day")) {
      this.list.append(make("p", "day", this.dayName(day)));
      this.list.dataset.day = day;
    }
    this.list.append(bubble.root);
    return bubble;
  }

  tidyDays() {
    for (const day of this.list.querySelectorAll(".day")) {
      const next = day.nextElementSibling;
      if (!next || next.classList.contains("day")) day.remove();
    }
    if (!this.list.children.length) this.list.append(this.hint());
  }

  dayName(day) {
    const today = new Date();
    const yesterday = new Date(today.getTime() - 86400000);
    if (day === today.toDateString()) return this.words.today;
    if (day === yesterday.toDateString()) return this.words.yesterday;
    return new Date(day).toLocaleDateString(this.languageCode, { day: "numeric", month: "long", year: "numeric" });
  }

  nearBottom() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_BOTTOM_PX;
  }

  toBottom(behavior = "auto") {
    this.list.scrollTo({ top: this.list.scrollHeight, behavior });
    this.newest.hidden = true;
  }
}
