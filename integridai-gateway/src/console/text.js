// What the page says, in the language of whoever reads it, and numbers and times as that language writes them.

import { english } from "./english.js";
import { spanish } from "./spanish.js";

const LANGUAGES = { en: english, es: spanish };

let language = "en";
let formats = formatsOf("en");

export function currentLanguage() {
  return language;
}

export function hasLanguage(code) {
  return Object.hasOwn(LANGUAGES, code);
}

/** The text of a key; {name} stands for a value. */
export function t(key, values = {}) {
  const text = LANGUAGES[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The text of a key, or what is said instead where there is none: services may send words of their own. */
export function word(key, otherwise) {
  return LANGUAGES[language][key] ?? otherwise;
}

/** From now on in this language, the page's fixed texts at once. */
export function speak(code) {
  language = code;
  formats = formatsOf(code);
  document.documentElement.lang = code;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  for (const element of document.querySelectorAll("[data-hint]")) element.placeholder = t(element.dataset.hint);
}

function formatsOf(code) {
  const locale = code === "es" ? "es-AR" : "en-GB";
  const number = (digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits });
  return {
    whole: number(0),
    fine: number(1),
    finest: number(2),
    time: new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
    moment: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
  };
}

export function count(value) {
  return formats.whole.format(value);
}

export function decimal(value) {
  return formats.fine.format(value);
}

/** Milliseconds, or seconds where those are easier to read. */
export function duration(milliseconds) {
  if (milliseconds < 10) return `${formats.finest.format(milliseconds)} ms`;
  if (milliseconds < 1000) return `${formats.whole.format(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${formats.finest.format(milliseconds / 1000)} s`;
  return `${formats.whole.format(milliseconds / 60_000)} min`;
}

/** The time of day; with the date where that is another one than today. */
export function clock(moment) {
  const date = new Date(moment);
  const isToday = date.toDateString() === new Date().toDateString();
  return (isToday ? formats.time : formats.moment).format(date);
}
