// Where the person writes: text, files to send, the command menu, the message being answered or edited.

import { make } from "/page/bubble.js";

const FILES_MAX = 10;
const PHOTO = /^image\/(jpeg|png|webp|gif|bmp)$/;

export class Composer {
  // `deeds`: send({text, files, asFile, replyTo, editing}) -> promise, complain(text)
  constructor(deeds) {
    this.deeds = deeds;
    this.text = document.querySelector("#text");
    this.strip = document.querySelector("#attachments");
    this.asFile = document.querySelector("#as-file");
    this.commandMenu = document.querySelector("#commands");
    this.context = document.querySelector("#context");
    this.files = [];
    this.commands = [];
    this.words = null;
    this.listen();
  }

  listen() {
    const picker = document.querySelector("#picker");
    document.querySelector("#attach").addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      this.add([...picker.files]);
      picker.value = "";
    });
    document.querySelector("#send").addEventListener("click", () => this.send());
    document.querySelector("#show-commands").addEventListener("click", () => this.toggleCommands());
    this.context.querySelector("button").addEventListener("click", () => this.leaveContext(true));
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.send();
      } else if (event.key === "Escape") {
        this.commandMenu.hidden = true;
        this.leaveContext(true);
      }
    });
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files || [])];
      if (files.length) {
        event.preventDefault();
        this.add(files);
      }
    });
  }

  // A different chat: what was begun for the other one is put away.
  open(words, commands) {
    this.words = words;
    this.clear();
    this.refresh(commands);
  }

  refresh(commands) {
    this.commands = commands;
    document.querySelector("#show-commands").hidden = commands.length === 0;
    this.strip.querySelector("label span").textContent = this.words.asFile;
    this.label();
  }

  clear() {
    this.text.value = "";
    this.files = [];
    this.asFile.checked = false;
    this.leaveContext(false);
    this.drawFiles();
    this.typed();
  }

  add(files) {
    if (this.files.length + files.length > FILES_MAX) this.deeds.complain(this.words.tooMany);
    this.files = [...this.files, ...files].slice(0, FILES_MAX);
    this.drawFiles();
    this.text.focus();
  }

  drawFiles() {
    const tray = this.strip.querySelector(".strip");
    for (const image of tray.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    tray.replaceChildren(...this.files.map((file, index) => this.thumbnail(file, index)));
    this.strip.hidden = this.files.length === 0;
    const allPhotos = this.files.every((file) => PHOTO.test(file.type));
    if (this.files.length && !allPhotos) this.asFile.checked = true;
    this.asFile.disabled = !allPhotos;
    this.label();
  }

  thumbnail(file, index) {
    const remove = make("button", "", "×");
    remove.addEventListener("click", () => {
      this.files.splice(index, 1);
      this.drawFiles();
    });
    if (!PHOTO.test(file.type)) return make("figure", "", make("figcaption", "", file.name), remove);
    const image = make("img", "");
    image.src = URL.createObjectURL(file);
    image.alt = file.name;
    return make("figure", "", image, remove);
  }

  label() {
    if (this.words) this.text.placeholder = this.files.length ? this.words.caption : this.words.placeholder;
  }

  replyTo(message) {
    this.enterContext({ replyTo: message.id }, `${this.words.replyTo}: ${message.text || this.words.photo}`);
  }

  edit(message) {
    this.enterContext({ editing: message.id }, `${this.words.editing}: ${message.text}`);
    this.text.value = message.text;
    this.typed();
  }

  enterContext(about, label) {
    this.about = about;
    this.context.querySelector("span").textContent = label;
    this.context.hidden = false;
    this.text.focus();
  }

  leaveContext(emptyText) {
    if (emptyText && this.about?.editing) this.text.value = "";
    this.about = null;
    this.context.hidden = true;
  }

  // As tall as its text. While the field is hidden, it has no height to measure.
  fit() {
    this.text.style.height = "auto";
    if (this.text.scrollHeight) this.text.style.height = `${Math.min(this.text.scrollHeight, 180)}px`;
  }

  typed() {
    this.fit();
    const typed = this.text.value;
    if (/^\/\w*$/.test(typed)) this.showCommands(typed.slice(1));
    else this.commandMenu.hidden = true;
  }

  toggleCommands() {
    if (this.commandMenu.hidden) this.showCommands("");
    else this.commandMenu.hidden = true;
  }

  showCommands(begun) {
    const fitting = this.commands.filter(({ command }) => command.startsWith(begun));
    this.commandMenu.replaceChildren(...fitting.map((item) => this.commandItem(item)));
    this.commandMenu.hidden = fitting.length === 0;
  }

  commandItem({ command, description }) {
    const item = make("button", "", make("b", "", `/${command}`), make("span", "", description));
    item.setAttribute("role", "menuitem");
    item.addEventListener("click", () => {
      this.commandMenu.hidden = true;
      this.text.value = "";
      this.typed();
      this.deeds.send({ text: `/${command}`, files: [], asFile: false });
    });
    return item;
  }

  // What was written stays where it is when the server refuses it.
  async send() {
    const about = this.about;
    const letter = { text: this.text.value, files: this.files, asFile: this.asFile.checked, ...about };
    if (!letter.text.trim() && !letter.files.length) return;
    this.commandMenu.hidden = true;
    const before = letter.text;
    this.text.value = "";
    this.typed();
    if (await this.deeds.send(letter)) {
      this.files = [];
      this.asFile.checked = false;
      // an answer that asks for a reply may come before the server confirms the message
      if (this.about === about) this.leaveContext(false);
      this.drawFiles();
    } else if (!this.text.value) {
      this.text.value = before;
      this.typed();
    }
    this.text.focus();
  }
}
